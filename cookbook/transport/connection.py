"""
One SSH connection by paramiko: our own socket, the host's key checked, one of our keys taken.

What paramiko leaves to its callers is done here: it sets no TCP_NODELAY and no connect timeout,
reads known_hosts in its own way, and offers keys in another order than ssh(1) does.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cookbook.errors import AuthenticationFailed, Unreachable
from cookbook.secret import Secret, in_the_clear
from cookbook.transport.known_hosts import load_known_hosts

if TYPE_CHECKING:
    import paramiko

Become = Literal["none", "sudo", "doas"]

AUTH_TIMEOUT = 30.0
"""Seconds for the exchange of keys and for each key that is offered."""

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
    alive_interval: float = 15.0
    """Seconds of silence before the host is asked whether it is there, and after that."""

    become: Become = "none"
    become_user: str = "root"
    become_password: Secret | None = None
    password: Secret | None = None
    """Tried once, after the keys that are named; no others are offered then."""

    @property
    def becomes(self) -> bool:
        """Whether it takes sudo or doas to be who is wanted."""
        return self.become != "none" and self.user != self.become_user

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


def connect(target: Target) -> paramiko.Transport:
    """
    Connect, check the host's key, authenticate.

    Raises Unreachable, UntrustedHost or AuthenticationFailed.
    """
    from paramiko import SSHException, Transport

    connection = Transport(open_socket(target))
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


def open_socket(target: Target) -> socket.socket:
    """
    A TCP connection that notices when the other end is gone.

    Raises Unreachable.
    """
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
        refused = isinstance(error, ConnectionRefusedError)
        raise Unreachable(
            f"{target.address}:{target.port}: {error.strerror or error}",
            hint="does sshd listen there, at that port?" if refused else "is there a way to it?",
        ) from None
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
    connection.auth_timeout = AUTH_TIMEOUT
    if target.password is None:
        _offer_keys(connection, target)
        return
    if target.identity_files:
        named = replace(target, agent=False, identities_only=True)
        with contextlib.suppress(AuthenticationFailed):
            _offer_keys(connection, named)
            return
    _give_password(connection, target, target.password)


def _give_password(connection: paramiko.Transport, target: Target, password: Secret) -> None:
    """One attempt: a wrong password may lock the account."""
    from paramiko import SSHException

    try:
        connection.auth_password(target.user, in_the_clear(password))
    except SSHException as error:
        types = ", ".join(getattr(error, "allowed_types", ()))
        raise AuthenticationFailed(
            f"{target} does not take the password",
            hint=f"it takes {types}" if types else "the secret that `password` names is tried once",
        ) from None


def _offer_keys(connection: paramiko.Transport, target: Target) -> None:
    tried: list[str] = []
    locked: list[str] = []
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
