"""How to come to the hosts of an inventory: one connection, or something done with each of them."""

from __future__ import annotations

import contextlib
import getpass
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cookbook.errors import HostError, PrivilegeError, Unreachable
from cookbook.inventory import Host
from cookbook.platform import Facts
from cookbook.secret_stores import revealed
from cookbook.session import Session
from cookbook.shell import Secret
from cookbook.transport import Transport

if TYPE_CHECKING:
    from cookbook.transport.hops import Hop
    from cookbook.transport.ssh_config import Configured
    from cookbook.transport.target import Target


def connect(host: Host, become_password: Secret | None = None) -> Transport:
    """
    A session with a host, as its inventory says.

    Raises Unreachable and its kin, or PrivilegeError.
    """
    if host.transport == "local":
        from cookbook.transport.local import LocalTransport

        return LocalTransport(_local_shell(host))
    if host.transport == "openssh":
        return _by_openssh(host, become_password)
    from cookbook.transport.ssh import SshTransport

    return SshTransport(target_of(host, become_password))


def _by_openssh(host: Host, become_password: Secret | None) -> Transport:
    """By ssh(1), which reads its configuration itself."""
    for setting in ("password", "jump"):
        if getattr(host, setting):
            raise Unreachable(
                f"`{setting}` is not for the transport openssh",
                hint="say ProxyJump in ssh_config" if setting == "jump" else "it takes keys",
            )
    from cookbook.transport.openssh import Manner, OpenSshTransport

    config = {"user": "", "none": "none"}.get(str(host.ssh_config), str(host.ssh_config))
    manner = Manner(host.said, config, direct=host.jump == ())
    user, port = login(host)
    target = replace(_said(host, become_password), user=user, port=port)
    return OpenSshTransport(target, manner)


def target_of(host: Host, become_password: Secret | None = None) -> Target:
    """
    Where a host is, and how to get in, as its inventory says, and else as ssh_config does.

    Raises Unreachable where ssh_config says what cannot be done.
    """
    return _target(host, become_password, (host.name,))


def _target(host: Host, become_password: Secret | None, path: tuple[str, ...]) -> Target:
    """`path` are the names of those that are to be reached through this host, and its own."""
    target = _said(host, become_password)
    hops: tuple[Hop, ...] = ()
    if (configured := _configured(host)) is not None:
        said = {_FIELDS.get(key, key) for key in host.said - {"address"}}
        fields = {key: value for key, value in configured.fields.items() if key not in said}
        target, hops = replace(target, **fields), configured.jump
    if host.jump is not None:
        target, hops = replace(target, proxy_command=""), host.jump
    return replace(target, via=_bastion(host, hops, path)) if hops else target


def _said(host: Host, become_password: Secret | None) -> Target:
    """What the inventory says, and nobody else."""
    from cookbook.transport.target import Target

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


_FIELDS = {"identity_file": "identity_files"}
"""The settings that a Target calls otherwise."""


def _configured(host: Host) -> Configured | None:
    """What ssh_config says; None if it is not to be asked, or says nothing."""
    if host.ssh_config == "none":
        return None
    from cookbook.transport.ssh_config import ask, is_used, understand

    file = host.ssh_config if isinstance(host.ssh_config, Path) else None
    if file is None and not is_used():
        return None
    answer = ask(
        host.address,
        user=host.user if "user" in host.said else None,
        port=host.port if "port" in host.said else None,
        file=file,
        timeout=host.connect_timeout,
    )
    return understand(answer, host.address, password=host.password is not None)


def _bastion(host: Host, hops: Sequence[Hop], path: tuple[str, ...]) -> Target | None:
    """The last host on the way, which knows the one before it; a host is no way to itself."""
    via: Target | None = None
    for hop in hops:
        named = host.others.get(hop.address)
        if hop.address in (host.name, host.address):
            continue
        if hop.address in path:
            raise Unreachable(f"the way to it goes in a circle: {', '.join((*path, hop.address))}")
        bastion = _as_bastion(host, hop, named)
        if via is not None:
            bastion = replace(bastion, jump=())
        target = _target(bastion, None, (*path, hop.address))
        via = replace(target, via=via or target.via)
    return via


def _as_bastion(host: Host, hop: Hop, named: Host | None) -> Host:
    """
    A bastion as the inventory knows it.

    One that it does not know is entered with the keys of the host behind it.
    """
    said = {"user": hop.user, "port": hop.port}
    more: dict[str, Any] = {key: value for key, value in said.items() if value is not None}
    if named is None:
        shared = host.said & _SHARED
        more |= {key: getattr(host, key) for key in (*shared, "ssh_config")}
        return Host(hop.address, **more, said=frozenset(more), others=host.others)
    return replace(
        named, **more, said=named.said | more.keys(), become="none", become_password=None
    )


_SHARED = frozenset({"identity_file", "identities_only", "agent", "known_hosts", "connect_timeout"})
"""What an unknown bastion has in common with the host behind it."""


def login(host: Host) -> tuple[str, int]:
    """The user and the port by which we come."""
    if host.transport == "local":
        return host.user or getpass.getuser(), host.port
    if host.transport == "openssh":
        return _login_of_ssh(host)
    target = target_of(replace(host, password=None, become_password=None))
    return target.user, target.port


def _login_of_ssh(host: Host) -> tuple[str, int]:
    """What ssh(1) makes of it: it alone knows, and says it without a connection."""
    from cookbook.transport.ssh_config import ask

    answer = ask(
        host.address,
        user=host.user if "user" in host.said else None,
        port=host.port if "port" in host.said else None,
        file=None if host.ssh_config == "user" else Path(host.ssh_config),
        timeout=host.connect_timeout,
    )
    return answer["user"][0], int(answer["port"][0])


def unlock_keys(hosts: Sequence[Host], ask: Callable[[str], str]) -> None:
    """
    Have somebody say the passphrase of each key file that is named for these hosts and is locked.

    Those that an agent holds need none. Raises UsageError where it is wrong three times.
    """
    from cookbook.transport.passphrases import is_locked, unlock

    locked: dict[Path, Target] = {}
    for target in _targets(hosts):
        for file in target.identity_files:
            if file not in locked and is_locked(file):
                locked[file] = target
    if not locked:
        return
    from cookbook.transport.connection import import_paramiko

    import_paramiko()
    from cookbook.transport.keys import is_in_agent

    unlock([file for file, target in locked.items() if not is_in_agent(file, target)], ask)


def _targets(hosts: Sequence[Host]) -> Iterator[Target]:
    """These hosts and their bastions; ssh(1), if it is to be asked, is asked by a few at once."""

    def reached(host: Host) -> Target | None:
        with contextlib.suppress(Unreachable):  # which is said when it is to be reached
            return target_of(replace(host, password=None, become_password=None))
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
    """End the connections to bastions that nobody needs any more."""
    if (jump := sys.modules.get("cookbook.transport.jump")) is not None:
        jump.leave_bastions()


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
        case "su":
            if os.geteuid() != 0:  # it would read its password where the first program is to come
                raise PrivilegeError("on this machine, only root can become somebody else by su")
            return ("su", "-s", "/bin/sh", host.become_user)
        case tool:
            return (tool, "-n", "-u", host.become_user, "/bin/sh")
