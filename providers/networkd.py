"""Network interfaces and routes, by systemd-networkd: systemd.netdev(5), systemd.network(5)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import LiteralString

from cookbook.provider import Change, Command, provides, sh
from cookbook.providers.interfaces import InterfaceProvider, State
from cookbook.providers.routes import RouteProvider
from cookbook.providers.routes import State as RouteState
from cookbook.resources.network_interface import NetworkInterface
from cookbook.resources.route import Route

FOLDER = "/etc/systemd/network"

# systemd-networkd answers before it has begun, and takes away first what it had set: what is wanted
# may be there from before, so it has to say "configured", too. It says that only if nothing asked
# before is left to do. An interface without a carrier, or that waits for DHCP, may never be
# configured: what is wanted is believed then if it stays so for half a second.
_SETTLE: LiteralString = (
    "i=0 n=0; while [ $((i += 1)) -le 200 ]; do s=$(networkctl --no-legend list {} 2>/dev/null)"
    " a=$(ip -o addr show dev {} 2>/dev/null) w=;"
    ' for x in {}; do case $a in *" $x "*) ;; *) w=1 ;; esac; done;'
    ' for x in {}; do case $a in *" $x "*) w=1 ;; esac; done;'
    ' d=/sys/class/net/{}; [ -e "$d" ] || w=1;'
    ' [ ! {} ] || [ $(($(cat "$d/flags" 2>/dev/null || echo 0) & 1)) = 1 ] || w=1;'
    ' m={}; [ ! "$m" ] || [ "$d/master" -ef "/sys/class/net/$m" ] || w=1;'
    ' if [ "$w" ]; then n=0; [ $i -lt 20 ] || case $s in *unmanaged*) break ;; esac;'
    ' else case $s in *configured*|*unmanaged*|"") break ;; esac; [ $((n += 1)) -lt 5 ] || break;'
    " fi; sleep 0.1; done"
)


def settle(name: str, found: Collection[str], wanted: State) -> Command:
    """Return the command that waits until an interface is as wanted, and stays so: 20 s at most."""
    addresses = wanted.addresses or ()
    came, gone = sorted(addresses), sorted({*found} - {*addresses})
    up, bridge = "up" if wanted.up else "", wanted.bridge or ""
    return sh(_SETTLE, name, name, came, gone, name, up, bridge)


@provides(NetworkInterface, when=lambda facts: facts.network_tool == "networkd")
class NetworkdProvider(InterfaceProvider):
    """Files that come before others: the first one that matches an interface counts."""

    def paths(self, name: str) -> tuple[str, str]:
        """Return the paths of a .netdev and a .network file."""
        return f"{FOLDER}/05-cook-{name}.netdev", f"{FOLDER}/05-cook-{name}.network"

    def texts_of(self, interface: NetworkInterface) -> tuple[str, str]:
        """Return their texts."""
        return _netdev(interface), _network(interface)

    def apply(self, name: str, change: Change[State], write: Command) -> Iterator[Command]:
        """Have the files read; remove an interface that has lost its file."""
        found, wanted = change.found or State(), change.wanted or State()
        yield write
        if found.kind and wanted.kind == "":
            yield sh("ip link delete dev {}", name)
        yield sh("networkctl reload")
        files = {"device", "network"} & change.fields.keys()
        if found.kind and wanted.kind != "" and (wanted.network or not files):
            yield sh("networkctl reconfigure {}", name)
        if wanted.kind != "" and wanted.addresses is not None:
            yield settle(name, found.addresses or (), wanted)


def _netdev(interface: NetworkInterface) -> str:
    if interface.kind_of is None:
        return ""
    lines = ["[NetDev]", f"Name={interface.name}", f"Kind={interface.kind_of}"]
    if interface.vlan_id is not None:
        lines += ["", "[VLAN]", f"Id={interface.vlan_id}"]
    return _text(lines)


def _network(interface: NetworkInterface) -> str:
    dhcp = {True: "yes", False: "no"}.get(interface.dhcp is True, "no")
    if isinstance(interface.dhcp, str):
        dhcp = interface.dhcp
    lines = ["[Match]", f"Name={interface.name}", "", "[Network]", f"DHCP={dhcp}"]
    lines += [f"Address={one}" for one in interface.interfaces]
    lines += [f"Gateway={one}" for one in interface.gateways]
    lines += [f"VLAN={name}" for name in interface.vlans]
    if interface.bridge is not None:
        lines += [f"Bridge={interface.bridge}", "LinkLocalAddressing=no"]
    if interface.kind_of is not None:
        lines.append("ConfigureWithoutCarrier=yes")
    if interface.mtu is not None:
        lines += ["", "[Link]", f"MTUBytes={interface.mtu}"]
    return _text(lines)


def _text(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


# A drop-in of the file that configures the interface: networkctl(1) names it.
_DROP_IN: LiteralString = (
    "n=$(networkctl status {} 2>/dev/null | sed -n 's/^ *Network File: *//p'); case $n in"
    " /*) p={}/${n##*/}.d/cook-route-{}.conf ;; *) p= ;; esac"
)


# systemd-networkd answers before it has begun, and takes away first what it had set. Without a
# carrier it sets nothing. What it does not set within 20 s is set by ip-route(8).
_HAS_ROUTE: LiteralString = (
    "networkctl reload; sleep 0.5; i=0; until ip -o {} route show exact {} dev {} | grep -qF -- {};"
    ' do [ $((i += 1)) -lt 195 ] && [ "$(cat /sys/class/net/{}/carrier 2>/dev/null)" = 1 ] ||'
    " break; sleep 0.1; done"
)


@provides(Route, when=lambda facts: facts.network_tool == "networkd")
class NetworkdRoutes(RouteProvider):
    """A drop-in of the .network file that configures the interface."""

    def find_path(self, route: Route) -> Command:
        """Return shell that asks systemd-networkd which file configures the interface."""
        return sh(_DROP_IN, route.device or "", FOLDER, slug(route.identity))

    def text_of(self, route: Route) -> str:
        """Return the section with the route."""
        lines = ["[Route]", f"Destination={route.network}"]
        lines += [f"Gateway={route.gateway}"] if route.gateway is not None else ["Scope=link"]
        lines += [f"Metric={route.metric}"] if route.metric is not None else []
        return _text(lines)

    def reload(self, state: RouteState) -> Command:
        """Return the command that has all files read, and waits for a route that comes by that."""
        if not state.live:
            return sh("networkctl reload; sleep 0.5")
        via = re.search(r"via \S+", state.live)
        family = "-6" if ":" in state.target else "-4"
        shown = f"{via[0]} " if via is not None else ""
        return sh(_HAS_ROUTE, family, state.target, state.device, shown, state.device)


def slug(identity: str) -> str:
    """Return a name for a file."""
    return re.sub(r"[^A-Za-z0-9]", "-", identity)
