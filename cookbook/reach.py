"""How to come to the hosts of an inventory: one connection, or something done with each of them."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from cookbook.errors import HostError
from cookbook.inventory import Host
from cookbook.platform import Facts
from cookbook.secret_stores import revealed
from cookbook.session import Session
from cookbook.shell import Secret
from cookbook.transport import Transport

if TYPE_CHECKING:
    from cookbook.transport.connection import Target


def connect(host: Host, become_password: Secret | None = None) -> Transport:
    """
    A session with a host, as its inventory says.

    Raises Unreachable and its kin, or PrivilegeError.
    """
    if host.transport == "local":
        from cookbook.transport.local import LocalTransport

        return LocalTransport(_local_shell(host))
    from cookbook.transport.ssh import SshTransport

    return SshTransport(target_of(host, become_password))


def target_of(host: Host, become_password: Secret | None = None) -> Target:
    """Where a host is, and how to get in, as its inventory says."""
    from cookbook.transport.connection import Target

    return Target(
        address=host.address,
        port=host.port,
        user=host.user or getpass.getuser(),
        identity_files=host.identity_file,
        identities_only=host.identities_only,
        agent=host.agent,
        known_hosts=host.known_hosts,
        connect_timeout=host.connect_timeout,
        alive_interval=host.alive_interval,
        become=host.become,
        become_user=host.become_user,
        become_password=become_password or revealed(host.become_password),
        password=revealed(host.password),
    )


def each_host(
    hosts: Sequence[Host], forks: int, work: Callable[[Host], Any]
) -> Iterator[tuple[Host, Any]]:
    """Do something with each host, side by side; a HostError is a result, too."""

    def safely(host: Host) -> Any:
        try:
            return work(host)
        except HostError as error:
            return error

    with ThreadPoolExecutor(max(1, min(forks, len(hosts)))) as pool:
        yield from zip(hosts, pool.map(safely, hosts), strict=True)


def gather_facts(host: Host, become_password: Secret | None = None) -> Facts:
    """Connect, ask, and leave."""
    session = Session(connect(host, become_password))
    try:
        return session.facts()
    finally:
        session.close()


def _local_shell(host: Host) -> tuple[str, ...]:
    match host.become:
        case "none":
            return ("/bin/sh",)
        case tool:
            return (tool, "-n", "-u", host.become_user, "/bin/sh")
