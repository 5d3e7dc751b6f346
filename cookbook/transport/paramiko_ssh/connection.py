"""
An SSH connection by paramiko: the host's key is checked, one of the user's keys is accepted.

This adds what paramiko lacks: a connect timeout, further attempts when a busy sshd drops the
connection, and the order of keys of ssh(1).
"""

from __future__ import annotations

import contextlib
import importlib.util
import sys
import threading
import time
import types
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cookbook.errors import AuthenticationFailed, UnknownKey, Unreachable, UntrustedHost
from cookbook.retry import Retry, growing
from cookbook.transport.contract import BUSY_PAUSES, times
from cookbook.transport.known_hosts import KnownHosts, load_known_hosts
from cookbook.transport.paramiko_ssh.auth_password import give_password
from cookbook.transport.paramiko_ssh.auth_publickey import offer_keys
from cookbook.transport.paramiko_ssh.bastion import lost_bastion
from cookbook.transport.paramiko_ssh.link import open_link
from cookbook.transport.target import Target

if TYPE_CHECKING:
    import paramiko

    from cookbook.transport.paramiko_ssh.client import Client

__all__ = ["AUTH_TIMEOUT", "Target", "check_key", "connect", "greeted", "import_paramiko"]

AUTH_TIMEOUT = 30.0
"""Seconds for the exchange of keys and for each key that is offered."""

_importing = threading.Lock()

_SIGN_ANEW = "have its authority sign its key anew (ssh-keygen -s), or do without one"


class _Dropped(Exception):
    """The host closed the connection before its greeting: it may be too busy."""


class _Silent(Exception):
    """The connect deadline passed before the host sent its greeting."""


def import_paramiko() -> None:
    """
    Import paramiko without `invoke` and `importlib.metadata`.

    It wants the first only for `Match exec` in ssh_config and falls back without it; the second
    only tells its version. The two would take half of its import time.
    """
    with _importing:
        if "paramiko" in sys.modules:
            return
        with _hidden("invoke"), _version_of("paramiko"):
            import paramiko  # noqa: F401
        import logging

        logging.getLogger("paramiko").addHandler(logging.NullHandler())


@contextlib.contextmanager
def _hidden(module: str) -> Iterator[None]:
    """Make a module that is not imported yet look as if it were not installed."""
    if module in sys.modules:
        yield
        return
    sys.modules[module] = None  # type: ignore[assignment]  # how to say "not installed"
    try:
        yield
    finally:
        del sys.modules[module]


@contextlib.contextmanager
def _version_of(package: str) -> Iterator[None]:
    """Let `importlib.metadata.version` take the version from the name of the metadata folder."""
    spec = importlib.util.find_spec(package)
    folder = Path(spec.origin).parent.parent if spec is not None and spec.origin else None
    named = list(folder.glob(f"{package}-*.dist-info")) if folder is not None else []
    if "importlib.metadata" in sys.modules or len(named) != 1:
        yield
        return
    version = named[0].stem.removeprefix(f"{package}-")
    stand_in = types.SimpleNamespace(version=lambda _name: version)
    setattr(importlib, "metadata", stand_in)  # noqa: B010 - it is no attribute yet
    try:
        yield
    finally:
        delattr(importlib, "metadata")


def connect(target: Target) -> paramiko.Transport:
    """
    Connect, check the host's key, authenticate.

    Raises Unreachable, UntrustedHost or AuthenticationFailed.
    """
    connection = greeted(target)
    try:
        check_key(connection, target)
        _authenticate(connection, target)
        connection.set_keepalive(15)
    except BaseException as error:
        _give_up(connection, target, error)
        raise
    return connection


def greeted(target: Target) -> Client:
    """
    Return a connection on which the host has shown its key, which is not checked yet.

    An sshd with too many connections (MaxStartups) drops some before its greeting: the attempt is
    repeated until the connect deadline. Raises Unreachable.
    """
    deadline = time.monotonic() + target.connect_timeout
    tries = Retry(growing(*BUSY_PAUSES), deadline, hurried=False)
    dropped: list[Exception] = []
    while True:
        try:
            return _greet(target, deadline)
        except _Silent:  # after earlier drops, the deadline has cut the last attempt short
            raise (_turned_away(target, dropped) if dropped else _silent(target)) from None
        except (_Dropped, ConnectionResetError) as error:
            dropped.append(error)
            if not tries.again() or time.monotonic() >= deadline:  # the pause may last longer
                raise _turned_away(target, dropped) from None


def check_key(connection: Client, target: Target) -> None:
    """
    Accept the key that a host has shown, or the certificate of it.

    Raises UntrustedHost, or SSHException for a certificate that is broken.
    """
    known = load_known_hosts(target.known_hosts)
    key = connection.get_remote_server_key()
    kind, blob = key.get_name(), key.asbytes()
    if kind == "ssh-rsa" and key.get_bits() < target.rsa_bits:
        raise UntrustedHost(f"{target} shows an RSA key of only {key.get_bits()} bits")
    wrong = _of_certificate(connection, known, target, blob)
    if wrong == "":
        return
    try:
        known.check(*target.known_as, kind, blob)
    except UntrustedHost as error:
        if wrong is None:
            raise
        said = f"{target.known_as[0]}: {wrong}"
        if isinstance(error, UnknownKey):
            raise UntrustedHost(said, hint=f"{_SIGN_ANEW}: {error.hint}") from None
        raise type(error)(said, hint=error.hint) from None


def _of_certificate(
    connection: Client, known: KnownHosts, target: Target, key: bytes
) -> str | None:
    """Return the fault of the certificate that was shown; None without a certificate."""
    from cookbook.transport.paramiko_ssh.host_certificates import is_certificate, objection

    if not is_certificate(connection.shown):
        return None
    return objection(known, target, connection.shown, key) or ""


def _greet(target: Target, deadline: float) -> Client:
    link = open_link(target, deadline, connect)  # sshd starts while paramiko is imported
    try:
        import_paramiko()
        from paramiko import SSHException
        from paramiko.ssh_exception import IncompatiblePeer

        from cookbook.transport.paramiko_ssh.client import Client

        connection = Client(link)
    except BaseException:
        link.close()
        raise
    if target.via is not None:  # the login of its bastion may have taken long
        deadline = max(deadline, time.monotonic() + target.connect_timeout)
    try:
        connection.handshake_timeout = AUTH_TIMEOUT
        connection.banner_timeout = max(0.1, deadline - time.monotonic())
        _prepare(connection, target)
        connection.start_client(timeout=target.connect_timeout + AUTH_TIMEOUT)
    except (SSHException, EOFError, OSError) as error:
        late = time.monotonic() >= deadline
        if late and not connection.remote_version:
            connection.close()
            raise _Silent from None
        answered = isinstance(error, IncompatiblePeer) or not connection.may_come_again
        if late or answered or _complaint(connection):
            _give_up(connection, target, error)
            raise
        if (lost := lost_bastion(connection, target)) is not None:
            raise _lost(lost) from None
        connection.close()
        raise _Dropped(str(error)) from None
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: Client, target: Target) -> None:
    """Ask the host for a key of a known type, or for a certificate."""
    connection.agree_on(target.algorithms)
    known = load_known_hosts(target.known_hosts)
    name, port = target.known_as
    wanted = [t for kind in known.key_types(name, port) for t in _algorithms(kind)]
    connection.prefer(
        wanted, target.algorithms.host_key, certified=bool(known.authorities(name, port))
    )


def _give_up(connection: Client, target: Target, error: BaseException) -> None:
    """Close the connection, and raise what says better than the error what went wrong."""
    from paramiko import SSHException
    from paramiko.ssh_exception import IncompatiblePeer

    complaint = _complaint(connection)
    lost = lost_bastion(connection, target) if isinstance(error, Exception) else None
    connection.close()
    if lost is not None:
        raise _lost(lost) from error
    if isinstance(error, IncompatiblePeer):
        raise _incompatible(connection, target, error) from error
    if isinstance(error, SSHException | EOFError | OSError):
        why = complaint or str(error) or "the host closed the connection"
        raise Unreachable(f"{target}: {why}") from error


def _incompatible(connection: Client, target: Target, error: Exception) -> Unreachable:
    """Nothing is in common that paramiko knows; ssh(1) may know more."""
    hint = "say `transport: openssh` of it in hosts.yml: ssh(1) may know what paramiko does not"
    if "kex" not in str(error):
        return Unreachable(f"{target}: {error}", hint=hint)
    return Unreachable(
        f"{target}: paramiko knows none of the exchanges of keys that it takes",
        cause=f"it takes {', '.join(connection.exchanges) or 'none'} only",
        hint=hint,
    )


def _complaint(connection: Client) -> str:
    """Return the output of the proxy command; it is ended."""
    from cookbook.transport.paramiko_ssh.proxy_command import CommandSocket

    link = connection.sock
    if not isinstance(link, CommandSocket):
        return ""
    link.close()
    return link.complaint


def _lost(bastion: Target) -> Unreachable:
    return Unreachable(
        f"the link to the bastion {bastion} was lost",
        hint="every host behind it is out of reach until it is back",
    )


def _silent(target: Target) -> Unreachable:
    return Unreachable(
        f"{target.address}:{target.port} takes connections, but sends no greeting within"
        f" {target.connect_timeout:g} s",
        hint="is that an SSH server, and is it well?",
    )


def _turned_away(target: Target, dropped: list[Exception]) -> Unreachable:
    return Unreachable(
        f"{target.address}:{target.port} hangs up before it greets, {times(len(dropped))} in"
        f" {target.connect_timeout:g} s: {dropped[-1]}",
        hint="is MaxStartups of its sshd too small, or does fail2ban block this address?",
    )


def _algorithms(key_type: str) -> tuple[str, ...]:
    """Return the algorithms of a key type: an RSA key signs with SHA-2 (RFC 8332)."""
    return ("rsa-sha2-512", "rsa-sha2-256") if key_type == "ssh-rsa" else (key_type,)


def _authenticate(connection: paramiko.Transport, target: Target) -> None:
    connection.auth_timeout = AUTH_TIMEOUT
    if target.password is None:
        offer_keys(connection, target)
        return
    if target.identity_files:
        named = replace(target, agent=False, identities_only=True)
        with contextlib.suppress(AuthenticationFailed):
            offer_keys(connection, named)
            return
    give_password(connection, target, target.password)
