"""The network of one kitchen: a bridge with a /24 of its own, and the way out for apt."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network
from pathlib import Path

from cookbook.errors import KitchenError
from cookbook.kitchen import tools
from cookbook.kitchen.lock import alone

POOL = "10.78.0.0/16"
FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")

# Which kitchen has which bridge. In /run, because a reboot takes the bridges away as well.
CLAIMS = Path("/run/cook")

# The same number in both families, so that a glance at one address gives the other.
ULA = IPv6Network("fd78::/48")


@dataclass(frozen=True)
class KitchenNetwork:
    """A bridge and its subnet; the hosts' IPv6 addresses follow from the IPv4 ones."""

    bridge: str
    subnet: IPv4Network

    @property
    def gateway(self) -> str:
        """The controller's own address on the bridge."""
        return str(self.subnet[1])

    @property
    def subnet6(self) -> IPv6Network:
        """A /64 of unique local addresses (RFC 4193)."""
        number = self.subnet.network_address.packed[2]
        return IPv6Network((int(ULA.network_address) + (number << 64), 64))

    def address(self, number: int) -> str:
        """Return the IPv4 address of the host with this number."""
        return str(self.subnet[number])

    def address6(self, number: int) -> str:
        """Return the IPv6 address of the host with this number."""
        return str(IPv6Address(int(self.subnet6.network_address) + number))

    @property
    def ruleset(self) -> str:
        """Return the rules for nft(8): masquerading, in a table that no other program uses."""
        masquerade = f'ip saddr {self.subnet} oifname != "{self.bridge}" masquerade'
        hook = "type nat hook postrouting priority srcnat"
        return f"table ip {self.bridge} {{\n chain out {{\n  {hook}\n  {masquerade}\n }}\n}}\n"


def pool() -> IPv4Network:
    """Return the network for subnets: $COOK_KITCHEN_NETWORK, or 10.78.0.0/16."""
    text = os.environ.get("COOK_KITCHEN_NETWORK", POOL)
    try:
        network = IPv4Network(text)
    except ValueError as error:
        raise KitchenError(f"COOK_KITCHEN_NETWORK: {error}", hint=f"say {POOL}") from error
    if network.prefixlen > 24:
        raise KitchenError(
            f"COOK_KITCHEN_NETWORK: {text} has no room for a /24", hint=f"say {POOL}"
        )
    return network


def choose(pool: IPv4Network, taken: Iterable[IPv4Network], names: Iterable[str]) -> KitchenNetwork:
    """
    Return the first /24 of the pool that overlaps none of `taken` and whose bridge name is free.

    Raises KitchenError if there is none.
    """
    networks, bridges = list(taken), set(names)
    for number, subnet in enumerate(pool.subnets(new_prefix=24)):
        bridge = f"cook{number}"
        if bridge not in bridges and not any(subnet.overlaps(other) for other in networks):
            return KitchenNetwork(bridge, subnet)
    raise KitchenError(
        f"no free /24 is left in {pool}", hint="name another one in COOK_KITCHEN_NETWORK"
    )


def raise_for(folder: Path) -> KitchenNetwork:
    """Make a bridge for the kitchen in `folder`, with forwarding and masquerading."""
    with alone(CLAIMS / ".lock"):
        _sweep()
        network = choose(pool(), _routed(), (path.name for path in _interfaces()))
        # The claim comes first, so that all that is made below is recorded.
        (CLAIMS / network.bridge).write_text(str(folder))
        try:
            _forward()
            _raise(network)
        except KitchenError:
            _lower(network.bridge)
            raise
    return network


def release(folder: Path) -> None:
    """Take the bridge of a kitchen away; the last one also puts forwarding back as it was."""
    with alone(CLAIMS / ".lock"):
        for claim in CLAIMS.glob("cook*"):
            if claim.read_text() == str(folder):
                _lower(claim.name)


def forget_neighbours(network: KitchenNetwork) -> None:
    """
    Ask anew who has which address.

    A host that is given another one's address is else looked for at that one's for half a minute.
    """
    tools.call("ip", "neighbour", "flush", "dev", network.bridge)


def stands(network: KitchenNetwork) -> bool:
    """Return True if the bridge exists (a reboot removes it)."""
    return Path("/sys/class/net", network.bridge).exists()


def _raise(network: KitchenNetwork) -> None:
    bridge, subnet6 = network.bridge, network.subnet6
    tools.call("ip", "link", "add", bridge, "type", "bridge")
    tools.call("ip", "address", "add", f"{network.gateway}/24", "dev", bridge)
    address6 = f"{network.address6(1)}/{subnet6.prefixlen}"
    if Path("/proc/sys/net/ipv6").exists():
        tools.call("ip", "address", "add", address6, "dev", bridge, "nodad")
    tools.call("ip", "link", "set", bridge, "up")
    tools.call("nft", "--file", "-", text=network.ruleset)


def _lower(bridge: str) -> None:
    if bridge in tools.call("nft", "list", "tables", "ip").split():
        tools.call("nft", "delete", "table", "ip", bridge)
    if Path("/sys/class/net", bridge).exists():
        tools.call("ip", "link", "delete", bridge)
    (CLAIMS / bridge).unlink(missing_ok=True)
    if not list(CLAIMS.glob("cook*")):
        _restore_forwarding()


def _forward() -> None:
    remembered = CLAIMS / "ip_forward"
    if not remembered.exists():
        remembered.write_text(FORWARDING.read_text())
    FORWARDING.write_text("1\n")


def _restore_forwarding() -> None:
    remembered = CLAIMS / "ip_forward"
    if remembered.exists():
        FORWARDING.write_text(remembered.read_text())
        remembered.unlink()


def _sweep() -> None:
    """Lower the bridges whose kitchen's folder was deleted without a `down`, once empty."""
    for claim in CLAIMS.glob("cook*"):
        ports = Path("/sys/class/net", claim.name, "brif")
        used = ports.exists() and any(ports.iterdir())
        if not used and not Path(claim.read_text()).exists():
            _lower(claim.name)


def _interfaces() -> Iterator[Path]:
    return Path("/sys/class/net").iterdir()


def _routed() -> Iterator[IPv4Network]:
    """Every network this machine has a route to: its own, VPNs', other kitchens'."""
    for route in json.loads(tools.call("ip", "-json", "-4", "route", "show")):
        if route["dst"] != "default":
            yield IPv4Network(route["dst"], strict=False)
