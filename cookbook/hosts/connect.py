"""Connections to the hosts of an inventory."""

from __future__ import annotations

import contextlib
import getpass
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cookbook.errors import HostError, PrivilegeError, Unreachable
from cookbook.hosts.target_resolution import target_of, way_to
from cookbook.inventory import Host
from cookbook.script.facts import Facts
from cookbook.script.shell import Secret
from cookbook.transport.bastion import leave_bastions
from cookbook.transport.contract import Transport
from cookbook.transport.registry import TRANSPORTS

if TYPE_CHECKING:
    from cookbook.transport.target import Target

Waiting = Callable[[str], object]
"""A callback for the reason why a host is waited for longer than usual."""


def connect(
    host: Host,
    become_password: Secret | None = None,
    waiting: Waiting = lambda _: None,
) -> Transport:
    """
    Connect to a host as the inventory says; `waiting` is called with the reason of a slow login.

    Raises Unreachable and its subclasses, or PrivilegeError.
    """
    return TRANSPORTS.function(host.transport)(host, become_password, waiting)


def by_paramiko(host: Host, become_password: Secret | None, waiting: Waiting) -> Transport:
    """Connect by paramiko: the transport `ssh`."""
    from cookbook.transport.paramiko_ssh.transport import SshTransport

    return SshTransport(replace(target_of(host, become_password), waiting=waiting))


def by_openssh(host: Host, become_password: Secret | None, waiting: Waiting) -> Transport:
    """Connect by ssh(1): the transport `openssh`."""
    from cookbook.transport.openssh.transport import OpenSshTransport

    return OpenSshTransport(replace(target_of(host, become_password), waiting=waiting))


def on_this_machine(host: Host, _password: Secret | None, _waiting: Waiting) -> Transport:
    """Start a shell on this machine: the transport `local`."""
    from cookbook.transport.local import LocalTransport

    return LocalTransport(_local_shell(host))


def in_docker(host: Host, _password: Secret | None, _waiting: Waiting) -> Transport:
    """Start a shell in a container of Docker: the transport `docker`."""
    from cookbook.transport.container import ContainerTransport

    return ContainerTransport("docker", host.address, host.user)


def in_podman(host: Host, _password: Secret | None, _waiting: Waiting) -> Transport:
    """Start a shell in a container of Podman: the transport `podman`."""
    from cookbook.transport.container import ContainerTransport

    return ContainerTransport("podman", host.address, host.user)


def import_transport(name: str) -> None:
    """Import ahead the modules of a transport that take long to import: those of `ssh`."""
    if name == "ssh":
        from cookbook.transport.paramiko_ssh.connection import import_paramiko

        import_paramiko()


def login(host: Host) -> tuple[str, int]:
    """Return the access path: user and port."""
    if host.transport not in ("ssh", "openssh"):
        return host.user or getpass.getuser(), host.port
    target = way_to(host)
    return target.user, target.port


def unlock_keys(hosts: Sequence[Host], ask: Callable[[str], str]) -> None:
    """
    Ask for the passphrase of each locked key file that is named for these hosts.

    Those that an agent holds need none. Raises UsageError where it is wrong three times.
    """
    from cookbook.transport.paramiko_ssh.passphrases import is_locked, unlock

    locked: dict[Path, Target] = {}
    for target in _targets(hosts):
        for file in target.identity_files:
            if file not in locked and is_locked(file):
                locked[file] = target
    if not locked:
        return
    from cookbook.transport.paramiko_ssh.connection import import_paramiko

    import_paramiko()
    from cookbook.transport.paramiko_ssh.keys import is_in_agent

    unlock([file for file, target in locked.items() if not is_in_agent(file, target)], ask)


def _targets(hosts: Sequence[Host]) -> Iterator[Target]:
    """Yield these hosts and their bastions; a few ssh(1) processes are asked in parallel."""

    def reached(host: Host) -> Target | None:
        with contextlib.suppress(Unreachable):  # which is said when it is to be reached
            return way_to(host)
        return None

    chosen = [host for host in hosts if host.transport == "ssh"]
    with ThreadPoolExecutor(8) as pool:
        for target in pool.map(reached, chosen):
            yield from _chain(target)


def _chain(target: Target | None) -> Iterator[Target]:
    if target is not None:
        yield target
        yield from _chain(target.via)


def leave() -> None:
    """End the connections to bastions that no host needs any more."""
    leave_bastions()


def each_host(
    hosts: Sequence[Host], forks: int, work: Callable[[Host], Any]
) -> Iterator[tuple[Host, Any]]:
    """Do something with each host, side by side; a HostError is a result, too."""

    def safely(host: Host) -> Any:
        try:
            return work(host)
        except HostError as error:
            return error

    try:
        with ThreadPoolExecutor(max(1, min(forks, len(hosts)))) as pool:
            yield from zip(hosts, pool.map(safely, hosts), strict=True)
    finally:
        leave()


def gather_facts(
    host: Host, connect: Callable[[Host], Transport], end: float | None = None
) -> Facts:
    """
    Connect to a host, ask for its facts, and leave.

    `end` is when there is no more time for it, in seconds of time.monotonic(). Raises HostError.
    """
    from cookbook.hosts.session import Session

    session = Session(connect(host))
    session.end = end
    try:
        return session.facts()
    finally:
        session.close()


def _local_shell(host: Host) -> tuple[str, ...]:
    match host.become:
        case "none":
            return ("/bin/sh",)
        case "su":
            if os.geteuid() != 0:  # it would read its password where the first program is to come
                raise PrivilegeError("on this machine, only root can become another user by su")
            return ("su", "-s", "/bin/sh", host.become_user)
        case tool:
            return (tool, "-n", "-u", host.become_user, "/bin/sh")
