"""Network interfaces and routes, by ifupdown: interfaces(5)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import LiteralString

from cookbook.errors import HostError
from cookbook.provider import Change, Command, Probe, provides, sh
from cookbook.providers.interfaces import InterfaceProvider, State
from cookbook.providers.networkd import slug
from cookbook.providers.routes import RouteProvider
from cookbook.providers.routes import State as RouteState
from cookbook.resources.network_interface import NetworkInterface
from cookbook.resources.route import Route

FOLDER = "/etc/network/interfaces.d"

_STEPS: LiteralString = "ifdown --force {} 2>/dev/null; ip addr flush dev {} scope global; {} && {}"


def ask_others(name: str) -> Probe:
    """Return the question for the files of others with an interface."""
    text = sh(
        "grep -lE {} /etc/network/interfaces {}/* 2>/dev/null | grep -vF {} || :",
        rf"^[[:space:]]*iface[[:space:]]+{name}[[:space:]]",
        FOLDER,
        f"{FOLDER}/cook-",
    )
    return Probe(replace(text, called=f"look for {name} in the files of /etc/network"))


@provides(NetworkInterface, when=lambda facts: facts.network_tool == "ifupdown")
class IfupdownProvider(InterfaceProvider):
    """A file in interfaces.d; the interface is taken down and up again."""

    def paths(self, name: str) -> tuple[str, str]:
        """Return the paths; nothing is created by a file."""
        return f"{FOLDER}/cook-{name}.device", f"{FOLDER}/cook-{name.replace('.', '_')}"

    def probe(self, interface: NetworkInterface) -> Sequence[Probe]:
        """Ask for the files of others, too."""
        return [*super().probe(interface), ask_others(interface.name)]

    def parse(self, interface: NetworkInterface, *answers: str) -> State:
        """Return the state, unless another file has the interface."""
        *own, others = answers
        if others and interface.action == "create":
            raise HostError(
                f"{interface.name} is in {', '.join(others.split())} already",
                hint="remove it there: ifup(8) would do both",
            )
        return super().parse(interface, *own)

    def texts_of(self, interface: NetworkInterface) -> tuple[str, str]:
        """Return the text of the file."""
        if interface.kind_of or interface.bridge or interface.vlans:
            raise HostError(
                f"{interface}: only systemd-networkd creates and joins interfaces",
                hint="ifupdown would need further packages (bridge-utils, vlan)",
            )
        lines = [f"auto {interface.name}"]
        for family, version in (("inet", 4), ("inet6", 6)):
            static = [one for one in interface.interfaces if one.version == version]
            gateways = [f"    gateway {g}" for g in interface.gateways if g.version == version]
            for one in static:
                lines += [
                    f"iface {interface.name} {family} static",
                    f"    address {one}",
                    *gateways,
                ]
                gateways = []
            if interface.dhcp in (True, f"ipv{version}"):
                lines.append(f"iface {interface.name} {family} dhcp")
        if len(lines) == 1:
            lines.append(f"iface {interface.name} inet manual")
        if interface.mtu is not None:
            lines.append(f"    mtu {interface.mtu}")
        return "", "".join(f"{line}\n" for line in lines)

    def apply(self, name: str, change: Change[State], write: Command) -> Iterator[Command]:
        """Take it down by the old file, and up by the new one."""
        wanted = change.wanted or State()
        up = sh("ifup {}", name) if wanted.network else sh("ip link set dev {} up", name)
        yield sh(_STEPS, name, name, write, up)


@provides(Route, when=lambda facts: facts.network_tool == "ifupdown")
class IfupdownRoutes(RouteProvider):
    """One more stanza of the interface, which adds the route."""

    def find_path(self, route: Route) -> Command:
        """Return shell that names a file, if the interface is in one."""
        ask = "p=; ! grep -qsE {} /etc/network/interfaces {}/* || p={}/cook-route-{}"
        pattern = rf"^[[:space:]]*iface[[:space:]]+{route.device}[[:space:]]"
        return sh(ask, pattern, FOLDER, FOLDER, slug(route.identity))

    def text_of(self, route: Route) -> str:
        """Return the stanza."""
        family = "-6" if route.network.version == 6 else "-4"
        words = f"ip {family} route {{}} {route.network}"
        words += f" via {route.gateway}" if route.gateway is not None else ""
        words += f" dev {route.device}"
        words += f" metric {route.metric}" if route.metric is not None else ""
        inet = "inet6" if family == "-6" else "inet"
        add, remove = words.format("replace"), words.format("del")
        lines = [f"iface {route.device} {inet} manual", f"    up {add} proto static"]
        return "".join(f"{line}\n" for line in [*lines, f"    down {remove} || :"])

    def reload(self, state: RouteState) -> Command:
        """Return nothing to be done: the route is set by itself."""
        return sh(":")
