"""Networks of a container engine."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cookbook.provider import Change, Command, hint, options, provides, sh
from cookbook.providers.docker import DockerProvider, docker, pairs, row
from cookbook.resources._docker import bare
from cookbook.resources.docker_network import DockerNetwork


@dataclass(frozen=True)
class State:
    """A network."""

    driver: str | None = None
    subnet: str | None = None
    gateway: str | None = None
    ip_range: str | None = None
    internal: bool | None = None
    attachable: bool | None = None
    ipv6: bool | None = None
    options: tuple[str, ...] | None = None
    labels: tuple[str, ...] | None = None
    subnets: tuple[str, ...] = hint(default=())
    """Each subnet with its gateway and range, as `subnet gateway range`."""
    connected: tuple[str, ...] = hint(default=())
    """The names of the running containers in it."""
    host: str | None = hint()


@provides(DockerNetwork)
class DockerNetworkProvider(DockerProvider[DockerNetwork, State]):
    """Compares with `docker network inspect`."""

    kind = "docker_network"
    what = "network"
    form = (
        '{"driver":{{json .Driver}},"ipam":{{json .IPAM.Config}},"internal":{{json .Internal}},'
        '"attachable":{{json .Attachable}},"ipv6":{{json .EnableIPv6}},"options":{{json .Options}},'
        '"labels":{{json .Labels}},"containers":{{json .Containers}}}'
    )

    def parse(self, network: DockerNetwork, text: str, *_: Any) -> State | None:
        """Return the network."""
        said = row(text)
        if said is None:
            return None
        parts = [
            tuple(str(one.get(key, "")) for key in ("Subnet", "Gateway", "IPRange"))
            for one in said["ipam"] or []
        ]
        for one in (one for part in parts for one in part if one):
            ipaddress.ip_network(one)  # ValueError for what is none
        parts.sort(key=lambda part: (part[0] != network.subnet, ":" in part[0]))
        subnet, gateway, part = parts[0] if parts else ("", "", "")
        return State(
            driver=str(said["driver"]),
            subnet=subnet,
            gateway=gateway,
            ip_range=part,
            internal=said["internal"] is True,
            attachable=said["attachable"] is True,
            ipv6=said["ipv6"] is True,
            options=pairs(said["options"]),
            labels=pairs(said["labels"]),
            subnets=tuple(" ".join(part) for part in parts),
            connected=tuple(sorted(str(c["Name"]) for c in (said["containers"] or {}).values())),
            host=network.host,
        )

    def plan(self, network: DockerNetwork, found: State | None) -> Change[State]:
        """Compare what is declared; the engine chooses a subnet if none is."""
        if network.action == "delete":
            note = _held(found) if found is not None else None
            return Change(found, None, note=note)
        wanted = State(
            driver=network.driver,
            subnet=network.subnet,
            gateway=network.gateway,
            ip_range=network.ip_range or ("" if network.subnet else None),
            internal=network.internal,
            attachable=network.attachable,
            ipv6=":" in network.subnet if network.subnet else None,
            options=pairs(network.options),
            labels=pairs(network.labels),
            host=network.host,
        )
        change = Change(found, wanted)
        again = "it is removed and made anew"
        if change.kind == "update" and found is not None:
            return replace(change, note="; ".join(filter(None, (again, _held(found)))))
        return change

    def commands(self, name: str, change: Change[State]) -> Iterator[Command]:
        """Remove it, and make it."""
        side = change.wanted or change.found or State()
        name = bare(name)
        call = docker(side.host)
        if change.found is not None:
            yield sh("{} network rm {}", call, name)
        if change.wanted is None:
            return
        # What is not declared stays as it is.
        was = change.found or State()
        whole = replace(
            side,
            **{
                key: getattr(was, key)
                for key in ("subnet", "gateway", "ip_range")
                if getattr(side, key) is None and side.subnet in (None, was.subnet)
            },
        )
        yield _create(name, whole)

    def lost(self, name: str, change: Change[State]) -> str | None:
        """Say what is not restored of a network with several subnets."""
        several = change.found is not None and len(change.found.subnets) > 1
        return "all subnets but the first one" if several else None


def _inside(side: State, address: str | None) -> str | None:
    """Return an address if it is one of the subnet: an undo may lead to another subnet."""
    if not address or not side.subnet:
        return None
    network = ipaddress.ip_network(side.subnet)
    return address if ipaddress.ip_network(address).network_address in network else None


def _create(name: str, side: State) -> Command:
    words = options(
        driver=side.driver,
        subnet=side.subnet or None,
        gateway=_inside(side, side.gateway),
        ip_range=_inside(side, side.ip_range),
        internal=side.internal,
        attachable=side.attachable,
        ipv6=side.ipv6,
    )
    more = [*_repeated("--opt", side.options or ()), *_repeated("--label", side.labels or ())]
    return sh("{} network create {} {} >/dev/null", docker(side.host), words, [*more, name])


def _repeated(flag: str, values: Sequence[str]) -> list[str]:
    return [word for value in values for word in (flag, value)]


def _held(found: State) -> str | None:
    if not found.connected:
        return None
    return (
        f"the engine refuses to remove it while these are connected: {', '.join(found.connected)}"
    )
