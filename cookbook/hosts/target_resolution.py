"""The way to a host: what the inventory says of it and its bastions, and what ssh_config says."""

from __future__ import annotations

import getpass
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cookbook.errors import Unreachable
from cookbook.inventory import Host
from cookbook.secrets.secret import Secret
from cookbook.secrets.stores.lookup import revealed

if TYPE_CHECKING:
    from cookbook.transport.hops import Hop
    from cookbook.transport.ssh_config import Configured
    from cookbook.transport.target import Target


def target_of(host: Host, become_password: Secret | None = None) -> Target:
    """
    Return the target of a host: settings of the inventory, then of ssh_config.

    Raises Unreachable where ssh_config says what cannot be done.
    """
    return _target(host, become_password, (host.name,))


def way_to(host: Host) -> Target:
    """
    Return the same target for use without login: no secret is looked up.

    That there is a password counts all the same: ssh_config may turn keys off then.
    """
    password = Secret("") if host.password is not None else None
    return target_of(replace(host, password=password, become_password=None))


def _target(host: Host, become_password: Secret | None, path: tuple[str, ...]) -> Target:
    """`path` are the names of those that are to be reached through this host, and its own."""
    target = _said(host, become_password)
    hops: tuple[Hop, ...] = ()
    if host.transport == "openssh":
        target, hops = _as_ssh_has_it(host, target)
    elif (configured := _configured(host)) is not None:
        said = {_FIELDS.get(key, key) for key in host.said - {"address"}}
        fields = {key: value for key, value in configured.fields.items() if key not in said}
        target, hops = replace(target, **fields), configured.jump
    if host.jump is not None:
        target, hops = replace(target, proxy_command=""), host.jump
    return replace(target, via=_bastion(host, hops, path)) if hops else target


def _said(host: Host, become_password: Secret | None) -> Target:
    """Return the target by the settings of the inventory alone."""
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
        login_timeout=host.login_timeout,
        alive_interval=host.alive_interval,
        become=host.become,
        become_user=host.become_user,
        become_password=become_password or revealed(host.become_password),
        password=revealed(host.password),
    )


def _as_ssh_has_it(host: Host, target: Target) -> tuple[Target, tuple[Hop, ...]]:
    """Return user and bastions as ssh(1) will use them; it reads its configuration itself."""
    from cookbook.transport.ssh_config import jump_hosts, known_hosts, login_of
    from cookbook.transport.target import OpenSshOptions

    answer = _answer(host, None if host.ssh_config == "user" else Path(host.ssh_config))
    config = {"user": "", "none": "none"}.get(str(host.ssh_config), str(host.ssh_config))
    manner = OpenSshOptions(host.said, config, direct=host.jump == ())
    files = target.known_hosts if "known_hosts" in host.said else known_hosts(answer)
    user, port = login_of(answer, host.address)
    said = replace(target, user=user, port=port, known_hosts=files, manner=manner)
    return said, jump_hosts(answer, host.address)


_FIELDS = {"identity_file": "identity_files"}
"""The settings that a Target calls otherwise."""


def _configured(host: Host) -> Configured | None:
    """Return the settings of ssh_config; None if it is not used, or has none."""
    if host.ssh_config == "none":
        return None
    from cookbook.transport.ssh_config import is_used, understand

    file = host.ssh_config if isinstance(host.ssh_config, Path) else None
    if file is None and not is_used():
        return None
    answer = _answer(host, file)
    return understand(answer, host.address, password=host.password is not None)


def _answer(host: Host, file: Path | None) -> Mapping[str, Sequence[str]]:
    """Return the answer of `ssh -G`, without a connection."""
    from cookbook.transport.ssh_config import ask

    return ask(
        host.address,
        user=host.user if "user" in host.said else None,
        port=host.port if "port" in host.said else None,
        file=file,
        timeout=host.connect_timeout,
    )


def _bastion(host: Host, hops: Sequence[Hop], path: tuple[str, ...]) -> Target | None:
    """Return the last bastion of the path, which knows the one before it."""
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
    Return a bastion as the inventory declares it.

    One that it does not declare is entered with the keys of the host behind it.
    """
    given = {"user": hop.user, "port": hop.port}
    more: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    if named is None:
        shared = host.said & _SHARED
        more |= {key: getattr(host, key) for key in (*shared, "ssh_config")}
        said = frozenset(more)
        return Host(hop.address, **more, transport=host.transport, said=said, others=host.others)
    said = named.said | frozenset(more)
    more |= {"transport": host.transport, "become": "none", "become_password": None}
    return replace(named, **more, said=said)


_SHARED = frozenset(
    {
        "identity_file",
        "identities_only",
        "agent",
        "known_hosts",
        "connect_timeout",
        "login_timeout",
    }
)
"""Return the settings that an unknown bastion shares with the host behind it."""
