"""
SSH, by paramiko: one connection, one channel, one persistent shell per host.

What paramiko leaves to its callers is done here: our own socket (it sets no
TCP_NODELAY and no connect timeout), host keys checked against known_hosts by
our own reading of it, the keys offered in the order ssh(1) would, both streams
read while writing (they share one window), and a deadline for every wait.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import secrets
import socket
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cookbook.errors import (
    AuthenticationFailed,
    DeadlineExceeded,
    HostError,
    PrivilegeError,
    Unreachable,
)
from cookbook.shell import Secret, sh
from cookbook.transport import Interrupted, Reply, TooSlow
from cookbook.transport.known_hosts import load_known_hosts
from cookbook.wire import Pace, Program

if TYPE_CHECKING:
    import paramiko

Become = Literal["none", "sudo", "doas"]

AUTH_TIMEOUT = 30.0
"""Seconds for the exchange of keys and for each key that is offered."""

_CHUNK = 1 << 16
_DEFAULT_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa")


@dataclass(frozen=True)
class Target:
    """Where to connect, as whom, and what to become there."""

    address: str
    port: int = 22
    user: str = "root"
    identity_files: tuple[Path, ...] = ()
    identities_only: bool = False
    agent: bool = True
    known_hosts: tuple[Path, ...] = ()
    connect_timeout: float = 10.0
    become: Become = "none"
    become_user: str = "root"
    become_password: Secret | None = None

    def __str__(self) -> str:
        return f"{self.user}@{self.address}:{self.port}"


def import_paramiko() -> None:
    """
    Import paramiko without `invoke`.

    paramiko wants that only for `Match exec` in ssh_config, falls back without
    it, and would spend a third of its import time on it.
    """
    if "paramiko" in sys.modules:
        return
    hidden = "invoke" not in sys.modules
    if hidden:
        sys.modules["invoke"] = None  # type: ignore[assignment]  # how to say "not installed"
    try:
        import paramiko  # noqa: F401
    finally:
        if hidden:
            del sys.modules["invoke"]
    import logging

    logging.getLogger("paramiko").addHandler(logging.NullHandler())


class SshTransport:
    """A persistent shell on another machine."""

    def __init__(self, target: Target) -> None:
        """
        Connect, check the host's key, authenticate, start the shell.

        Raises Unreachable, UntrustedHost, AuthenticationFailed, PrivilegeError or
        DeadlineExceeded.
        """
        import_paramiko()
        self._target = target
        self._wake = _Wake()
        self._connection = _connect(target)
        try:
            self._channel = self._open_shell()
        except BaseException:
            self.close()
            raise

    def exchange(self, program: Program, pace: Pace) -> Reply:
        """See Transport."""
        heard = (bytearray(), bytearray())
        try:
            with self._sending(program.script):
                while not pace.complete:
                    self._listen(pace, heard)
        except OSError as error:
            self.close()
            raise Interrupted(f"the link was lost: {error}", _reply(heard)) from error
        except HostError:
            self.close()
            raise
        return _reply(heard)

    def close(self) -> None:
        """See Transport."""
        self._connection.close()

    def _listen(self, pace: Pace, heard: tuple[bytearray, bytearray]) -> None:
        """Wait until something arrives, or the deadline passes."""
        self._wake.wait(pace.deadline - time.monotonic())
        before = len(heard[0]) + len(heard[1])
        channel = self._channel
        while channel.recv_ready() and (data := channel.recv(_CHUNK)):
            heard[0].extend(data)
            pace.hear(data)
        while channel.recv_stderr_ready() and (data := channel.recv_stderr(_CHUNK)):
            heard[1].extend(data)
            pace.hear(data, stream=1)
        if len(heard[0]) + len(heard[1]) > before or pace.complete:
            return
        if channel.closed or channel.eof_received:
            self._ended(pace, heard)
        if time.monotonic() >= pace.deadline:
            raise TooSlow(pace.waiting_for, _reply(heard))

    def _ended(self, pace: Pace, heard: tuple[bytearray, bytearray]) -> None:
        said = bytes(heard[1]).decode(errors="replace").strip()
        if not pace.started and self._target.become != "none":
            raise PrivilegeError(
                f"{self._target.become} did not start a shell: {said or 'it said nothing'}",
                hint="give the password with --ask-become-pass, or allow"
                f" {self._target.user} to become {self._target.become_user} without one",
            )
        raise Interrupted(f"the session has ended{f': {said}' if said else ''}", _reply(heard))

    @contextlib.contextmanager
    def _sending(self, script: bytes) -> Iterator[None]:
        """Write in a thread of its own where the window might not take it at once."""
        if len(script) < self._channel.out_window_size:
            self._channel.sendall(script)
            yield
            return
        thread = threading.Thread(target=self._send, args=(script,), daemon=True)
        thread.start()
        yield
        thread.join()

    def _send(self, script: bytes) -> None:
        with contextlib.suppress(OSError):  # the reader sees it, too
            self._channel.sendall(script)

    def _open_shell(self) -> paramiko.Channel:
        from paramiko import SSHException

        try:
            channel = self._connection.open_session(timeout=self._target.connect_timeout)
            for buffer in (channel.in_buffer, channel.in_stderr_buffer):
                buffer.set_event(self._wake)
            channel.settimeout(AUTH_TIMEOUT)
            self._start(channel)
        except (SSHException, EOFError, OSError) as error:
            raise Unreachable(
                f"{self._target}: no shell: {str(error) or 'the link was lost'}"
            ) from error
        return channel

    def _start(self, channel: paramiko.Channel) -> None:
        target = self._target
        if target.become == "none" or target.user == target.become_user:
            channel.exec_command("/bin/sh")
        elif target.become == "doas":
            channel.exec_command(sh("doas -n -u {} /bin/sh", target.become_user).text)
        elif target.become_password is None:
            channel.exec_command(sh("sudo -n -H -u {} /bin/sh", target.become_user).text)
        else:
            self._sudo_with_password(channel, target.become_password)

    def _sudo_with_password(self, channel: paramiko.Channel, password: Secret) -> None:
        """
        The password goes to sudo's standard input, once sudo has asked for it.

        Sent before, it would be read by the shell if sudo asks for none. A second
        prompt means that it was wrong: one attempt is all we make.
        """
        mark = secrets.token_hex(8)
        command = sh(
            "sudo -S -H -p {} -u {} /bin/sh -c {}",
            f"{mark}?",
            self._target.become_user,
            f"echo {mark}! >&2; exec /bin/sh",
        )
        channel.exec_command(command.text)
        said = self._hear_mark(channel, mark, b"")
        if f"{mark}?".encode() in said:
            channel.sendall(f"{password}\n".encode())
            said = self._hear_mark(channel, mark, said)
        if f"{mark}!".encode() not in said:
            channel.close()
            words = said.replace(f"{mark}?".encode(), b"").decode(errors="replace").strip()
            raise PrivilegeError(
                f"sudo did not accept the password of {self._target.user}",
                hint=words.splitlines()[-1] if words else None,
            )

    def _hear_mark(self, channel: paramiko.Channel, mark: str, before: bytes) -> bytes:
        """Read the error stream until sudo asks (again), or the shell has started."""
        said = before
        asked = before.count(f"{mark}?".encode())
        while f"{mark}!".encode() not in said and said.count(f"{mark}?".encode()) == asked:
            try:
                data = channel.recv_stderr(_CHUNK)
            except TimeoutError:
                raise DeadlineExceeded("sudo neither asks for a password nor starts") from None
            if not data:
                break
            said += data
        return said


class _Wake(threading.Event):
    """
    Wakes the reader when either stream has something, or ends.

    paramiko's buffers set and clear an event each; cleared by one buffer it would
    hide what came on the other, so here only the reader clears.
    """

    def clear(self) -> None:
        """Nothing: only `wait` clears."""

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until something has come since the last time, for so many seconds."""
        came = super().wait(max(0.0, timeout or 0.0))
        super().clear()
        return came


def _reply(heard: tuple[bytearray, bytearray]) -> Reply:
    return Reply(bytes(heard[0]), bytes(heard[1]))


def _connect(target: Target) -> paramiko.Transport:
    from paramiko import SSHException, Transport

    connection = Transport(_socket(target))
    try:
        known = load_known_hosts(target.known_hosts)
        _prefer(connection, known.key_types(target.address, target.port))
        connection.start_client(timeout=AUTH_TIMEOUT)
        key = connection.get_remote_server_key()
        known.check(target.address, target.port, key.get_name(), key.asbytes())
        _authenticate(connection, target)
        connection.set_keepalive(15)
    except (SSHException, EOFError, OSError) as error:
        connection.close()
        raise Unreachable(f"{target}: {str(error) or 'the host closed the connection'}") from error
    except BaseException:
        connection.close()
        raise
    return connection


def _socket(target: Target) -> socket.socket:
    try:
        sock = socket.create_connection((target.address, target.port), target.connect_timeout)
    except socket.gaierror as error:
        raise Unreachable(
            f"{target.address}: {error.strerror}", hint="is its address in hosts.yml right?"
        ) from None
    except TimeoutError:
        raise Unreachable(
            f"{target.address}:{target.port} does not answer within {target.connect_timeout:g} s",
            hint="is it up, and does a firewall let us through?",
        ) from None
    except OSError as error:
        raise Unreachable(f"{target.address}:{target.port}: {error.strerror or error}") from None
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, seconds in (("TCP_KEEPIDLE", 15), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 4)):
        if hasattr(socket, option):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), seconds)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 30_000)
    return sock


def _prefer(connection: paramiko.Transport, key_types: list[str]) -> None:
    """Ask the host for a key of a type we know; it may have others that we do not."""
    options = connection.get_security_options()
    wanted = [t for name in key_types for t in _algorithms(name) if t in options.key_types]
    if wanted:
        rest = [t for t in options.key_types if t not in wanted]
        options.key_types = [*dict.fromkeys(wanted), *rest]


def _algorithms(key_type: str) -> tuple[str, ...]:
    """An RSA key signs with SHA-2 nowadays (RFC 8332), under other names."""
    return ("rsa-sha2-512", "rsa-sha2-256") if key_type == "ssh-rsa" else (key_type,)


def _authenticate(connection: paramiko.Transport, target: Target) -> None:
    tried: list[str] = []
    locked: list[str] = []
    connection.auth_timeout = AUTH_TIMEOUT
    with _agent_keys(target) as in_agent:
        for name, key in _keys(target, in_agent, locked):
            tried.append(name)
            if _offer(connection, target, key):
                return
            if not connection.is_active():
                break
    reason = "" if connection.is_active() else " and has hung up"
    raise AuthenticationFailed(
        f"{target} takes none of our keys{reason}", hint=_tried(tried, locked)
    )


def _offer(connection: paramiko.Transport, target: Target, key: paramiko.PKey) -> bool:
    """Whether the host takes this key."""
    from paramiko import AuthenticationException, BadAuthenticationType, SSHException

    try:
        connection.auth_publickey(target.user, key)
    except BadAuthenticationType as error:
        types = ", ".join(error.allowed_types)
        raise AuthenticationFailed(f"{target} takes no keys, only {types}") from None
    except (AuthenticationException, SSHException):
        return False
    return True


def _tried(tried: list[str], locked: list[str]) -> str:
    words = [f"tried: {', '.join(tried) or 'none'}"]
    if locked:
        words.append(f"locked with a passphrase, and not in the agent: {', '.join(locked)}")
    words.append(
        "name one with identity_file in hosts.yml, and see that it is in the host's authorized_keys"
    )
    return "; ".join(words)


def _keys(
    target: Target, in_agent: dict[bytes, paramiko.PKey], locked: list[str]
) -> Iterator[tuple[str, paramiko.PKey]]:
    """The keys to offer, in the order of ssh(1): named files first, then the agent's."""
    offered: set[bytes] = set()
    named = target.identity_files or tuple(Path.home() / ".ssh" / k for k in _DEFAULT_KEYS)
    from_files = _file_keys(named, in_agent, locked)
    others = [] if target.identities_only else [("the agent's", key) for key in in_agent.values()]
    order = (from_files, others) if target.identity_files else (others, from_files)
    for name, key in itertools.chain(*order):
        if (blob := key.asbytes()) not in offered:
            offered.add(blob)
            yield name, key


@contextlib.contextmanager
def _agent_keys(target: Target) -> Iterator[dict[bytes, paramiko.PKey]]:
    """The keys that ssh-agent(1) holds, for as long as it is connected."""
    if not target.agent or "SSH_AUTH_SOCK" not in os.environ:
        yield {}
        return
    from paramiko import Agent, SSHException

    try:
        agent = Agent()
    except (SSHException, OSError):
        yield {}  # a socket that nobody listens on is no agent
        return
    # An sk- key cannot be used by paramiko; offered, it would crash the authentication.
    keys = [key for key in agent.get_keys() if not key.get_name().startswith("sk-")]
    try:
        yield {key.asbytes(): key for key in keys}
    finally:
        agent.close()


def _file_keys(
    files: tuple[Path, ...], in_agent: dict[bytes, paramiko.PKey], locked: list[str]
) -> Iterator[tuple[str, paramiko.PKey]]:
    """Each file's key: from the agent if it holds it, else from the file itself."""
    import paramiko
    from paramiko.pkey import PublicBlob

    for file in files:
        public = file.with_name(f"{file.name}.pub")
        with contextlib.suppress(OSError, ValueError, IndexError):
            blob = PublicBlob.from_file(str(public)).key_blob
            if blob in in_agent:
                yield f"{file} (in the agent)", in_agent[blob]
                continue
        try:
            yield str(file), paramiko.PKey.from_path(file)
        except FileNotFoundError:
            continue
        except (paramiko.PasswordRequiredException, TypeError):
            locked.append(str(file))
        except (paramiko.SSHException, ValueError, OSError) as error:
            locked.append(f"{file} ({error})")
