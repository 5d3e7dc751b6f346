"""Bastions of the transport ssh: each host behind one has a channel in the connection to it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from cookbook.errors import Unreachable
from cookbook.retry import Retry, growing
from cookbook.transport.bastion import Bastions
from cookbook.transport.target import Target

if TYPE_CHECKING:
    import paramiko

Connect = Callable[[Target], "paramiko.Transport"]
"""Makes a connection to a bastion, which may be behind another one."""


class _Login:
    """The connection to a bastion that has taken the key, and may not be ready for a channel."""

    def __init__(self, transport: paramiko.Transport, target: Target) -> None:
        self.transport = transport
        self._target = target
        self._answers = threading.Event()
        threading.Thread(target=self._ask, daemon=True).start()

    @property
    def alive(self) -> bool:
        return self.transport.is_active()

    def end(self) -> None:
        self.transport.close()

    def wait(self) -> float:
        """
        Return the seconds until it answered after it took the key: PAM may hold it up.

        Raises Unreachable.
        """
        begun = time.monotonic()
        if not self._answers.wait(self._target.login_timeout):
            raise Unreachable(
                f"bastion {self._target}: takes the key, but opens no session within"
                f" {self._target.login_timeout:g} s",
                hint="look at PAM and systemd-logind there, or set a longer login_timeout",
            )
        return time.monotonic() - begun

    def _ask(self) -> None:
        # It waits for the answer, whatever that is, or for the end of the connection.
        self.transport.global_request("keepalive@openssh.com", wait=True)
        self._answers.set()


_bastions: Bastions[_Login] = Bastions()


def through(bastion: Target, target: Target, deadline: float, connect: Connect) -> paramiko.Channel:
    """
    Return a channel through the bastion to the target's SSH server.

    Raises Unreachable and its subclasses, always with the bastion's name.
    """
    passage = _bastions.enter(bastion, lambda one: _Login(connect(one), one), deadline)
    try:
        deadline += passage.connection.wait()
        channel = _channel(passage.connection.transport, bastion, target, deadline)
    except BaseException:
        passage.leave()
        raise
    passage.gone = lambda: channel.closed
    # To say goodbye over a connection that has just ended is an error to paramiko, in its own
    # threads as well, where it cannot be caught.
    close = channel.close
    channel.close = lambda: _quietly(close)  # type: ignore[method-assign]
    return channel


def _channel(
    connection: paramiko.Transport, bastion: Target, target: Target, deadline: float
) -> paramiko.Channel:
    import paramiko

    try:
        return connection.open_channel(
            "direct-tcpip",
            target.where,
            ("127.0.0.1", 0),
            timeout=max(0.1, deadline - time.monotonic()),
        )
    except paramiko.ChannelException as error:
        raise _not_led_on(bastion, target, error) from None
    except (paramiko.SSHException, EOFError, OSError) as error:
        if not connection.is_active():
            raise Unreachable(f"the link to the bastion {bastion} was lost") from None
        how = "answer in time" if "Timeout" in str(error) else f"open a channel: {error}"
        raise Unreachable(
            f"{target.address}:{target.port} does not {how}, by way of the bastion {bastion}",
            hint="is it up, and does a firewall let the bastion through?",
        ) from None


def _quietly(close: Callable[[], None]) -> None:
    with contextlib.suppress(OSError, EOFError):
        close()


def lost_bastion(connection: paramiko.Transport, target: Target) -> Target | None:
    """Return the bastion whose end has ended this connection; the nearest one, if several have."""
    import paramiko

    lost, via = None, target.via
    while via is not None and isinstance(connection.sock, paramiko.Channel):
        connection = connection.sock.get_transport()
        if not _goes_on(connection):
            lost = via
        via = via.via
    return lost


_GRACE = 0.2
"""Seconds: the channels of a connection are closed just before it is no longer active."""


def _goes_on(connection: paramiko.Transport) -> bool:
    tries = Retry(growing(0.01), within=_GRACE)
    while connection.is_active():
        if not tries.again():
            return True
    return False


def _not_led_on(bastion: Target, target: Target, error: paramiko.ChannelException) -> Unreachable:
    where = f"{target.address}:{target.port}"
    if error.code == 1:  # SSH_OPEN_ADMINISTRATIVELY_PROHIBITED, RFC 4254
        return Unreachable(
            f"the bastion {bastion} opens no channel to {where}",
            hint="its sshd must have AllowTcpForwarding yes, and allow this target by PermitOpen",
        )
    return Unreachable(
        f"the bastion {bastion} does not reach {where}: {error.text}",
        hint="is it up, and is its address right as seen from there?",
    )
