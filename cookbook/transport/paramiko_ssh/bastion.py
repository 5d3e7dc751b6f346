"""
Bastions: one connection to each in this process, shared by all hosts behind it.

The first caller makes it, and the others wait; also when it is lost.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from cookbook.errors import Unreachable
from cookbook.retry import Retry, growing
from cookbook.transport.target import Target

if TYPE_CHECKING:
    import paramiko

Connect = Callable[[Target], "paramiko.Transport"]
"""Makes a connection to a bastion, which may be behind another one."""


class _Bastion:
    """One bastion, and the connection to it while there is one."""

    def __init__(self, target: Target, connect: Connect) -> None:
        self._target, self._connect = target, connect
        self._making = threading.Lock()
        self._connection: paramiko.Transport | None = None
        self._channels: list[paramiko.Channel] = []
        self._failure: tuple[float, Unreachable] | None = None
        self._answers = threading.Event()

    def wait_for_login(self) -> float:
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

    def _ask(self, connection: paramiko.Transport) -> None:
        # It waits for the answer, whatever that is, or for the end of the connection.
        connection.global_request("keepalive@openssh.com", wait=True)
        self._answers.set()

    def connection(self, deadline: float) -> paramiko.Transport:
        """
        Return the open connection, or a new one.

        Callers that waited for a failed connection get the same error, instead of another attempt.
        Raises Unreachable and its subclasses.
        """
        since = time.monotonic()
        if not self._making.acquire(timeout=max(0.0, deadline - since)):
            raise Unreachable(f"bastion {self._target}: there is no connection to it yet")
        try:
            if self._connection is not None and self._connection.is_active():
                return self._connection
            if self._failure is not None and self._failure[0] > since:
                raise _again(self._failure[1])
            self._connection = self._made()
            return self._connection
        finally:
            self._making.release()

    def _made(self) -> paramiko.Transport:
        try:
            connection = self._connect(self._target)
        except Unreachable as error:
            named = type(error)(f"bastion {self._target}: {error}", hint=error.hint)
            self._failure = (time.monotonic(), named)
            raise named from error
        self._answers.clear()
        threading.Thread(target=self._ask, args=(connection,), daemon=True).start()
        return connection

    def keep(self, channel: paramiko.Channel) -> None:
        """Remember who is behind it."""
        self._channels = [*(one for one in self._channels if not one.closed), channel]

    def leave(self) -> bool:
        """Close the connection unless it is in use; return whether it was closed."""
        with self._making:
            if self._connection is None or not all(one.closed for one in self._channels):
                return False
            self._connection.close()
            self._connection = None
            return True


_bastions: dict[Target, _Bastion] = {}
_looking = threading.Lock()


def through(bastion: Target, target: Target, deadline: float, connect: Connect) -> paramiko.Channel:
    """
    Return a channel through the bastion to the target's SSH server.

    Raises Unreachable and its subclasses, always with the bastion's name.
    """
    import paramiko

    with _looking:
        shared = _bastions.setdefault(bastion, _Bastion(bastion, connect))
    connection = shared.connection(deadline)
    deadline += shared.wait_for_login()
    try:
        channel = connection.open_channel(
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
    shared.keep(channel)
    # To say goodbye over a connection that has just ended is an error to paramiko, in its own
    # threads as well, where it cannot be caught.
    close = channel.close
    channel.close = lambda: _quietly(close)  # type: ignore[method-assign]
    return channel


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


def leave_bastions() -> None:
    """Close the connections to bastions that no host uses."""
    with _looking:
        shared = list(_bastions.values())
    while any([bastion.leave() for bastion in shared]):  # noqa: C419 - all, not the first one
        pass  # one that was left may have been the last behind another


_GRACE = 0.2
"""Seconds: the channels of a connection are closed just before it is no longer active."""


def _goes_on(connection: paramiko.Transport) -> bool:
    tries = Retry(growing(0.01), time.monotonic() + _GRACE)
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


def _again(error: Unreachable) -> Unreachable:
    """Return a copy of an error: each thread has a traceback of its own."""
    return type(error)(str(error), hint=error.hint)
