"""Translation of addresses and ports."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import Resource, recipe_function
from cookbook.resources._packets import (
    Network,
    Ports,
    check_interfaces,
    check_rule,
    declared_before,
    networks,
    port_ranges,
    refuse_flushed_rules,
)

Translation = Literal["masquerade", "snat", "dnat", "redirect"]


class FirewallNat(Resource):
    """
    A rule that translates addresses or ports of packets.

    `masquerade` and `snat` change the sender of what leaves through `dest_interface`; `dnat` and
    `redirect` change the receiver of what comes in through `interface`. The rules are in chains
    of cook; those of others (Docker) are left alone. What is passed on to other hosts needs
    `sysctl("net.ipv4.ip_forward", value=1)`; a plan warns where that is off.

    Example::

        firewall_nat("office", command="masquerade", source="10.8.0.0/24", dest_interface="eth0")
    """

    category: ClassVar[str] = "network"

    command: Translation = "masquerade"
    """`masquerade`: the sender becomes the address of the interface; `redirect`: this host."""

    protocol: Literal["tcp", "udp", "none"] = "none"
    """The protocol; ports need one."""

    port: int | str | Sequence[int | str] | None = None
    """The destination port: a port, a range as "8000:8100", or several."""

    source: str | Sequence[str] | None = None
    """The sender: an address, a network, or several; IPv4 or IPv6."""

    destination: str | Sequence[str] | None = None
    """The receiver, likewise."""

    interface: str | None = None
    """The incoming interface, of dnat and redirect."""

    dest_interface: str | None = None
    """The outgoing interface, of masquerade and snat."""

    to_address: str | None = None
    """The new address, of dnat and snat."""

    to_port: int | None = None
    """The new port, of dnat and redirect."""

    version: Literal[4, 6] | None = None
    """The version of IP; None: that of the addresses; without any, masquerade is for IPv4 only."""

    position: int = 50
    """The order of the rules, 0-9999: smaller ones come first."""

    after: str | None = None
    """The rule of the same position that comes before; by default the one declared before."""

    description: str | None = None
    """The purpose; added to the comment of the live rule."""

    action: Literal["create", "delete", "nothing"] = "create"

    def validate(self) -> None:
        """Check what makes no rule."""
        check_rule(self, self.position)
        check_interfaces(self, (self.interface, self.dest_interface))
        if self.interface is not None and not self.incoming:
            raise RecipeError(f"{self}: {self.command} is decided when a packet leaves")
        if self.dest_interface is not None and self.incoming:
            raise RecipeError(f"{self}: {self.command} is decided when a packet comes in")
        if (self.ports or self.to_port is not None) and self.protocol == "none":
            raise RecipeError(f"{self}: a port needs protocol tcp or udp")
        self._check_target()
        refuse_flushed_rules(self)
        object.__setattr__(self, "after", self.after or self._declared_before())

    def _check_target(self) -> None:
        wants_address = self.command in ("dnat", "snat")
        if wants_address != (self.to_address is not None):
            raise RecipeError(
                f"{self}: {self.command} {'needs' if wants_address else 'has no'} to_address"
            )
        if self.to_address is not None:
            try:
                ipaddress.ip_address(self.to_address)
            except ValueError as error:
                raise RecipeError(f"{self}: {error}") from None
        if self.to_port is not None and (not 0 < self.to_port < 65536 or not self.incoming):
            raise RecipeError(f"{self}: to_port is a port from 1 to 65535, of dnat and redirect")
        if self.command == "redirect" and self.to_port is None:
            raise RecipeError(f"{self}: redirect needs to_port")
        if not self.families:
            raise RecipeError(f"{self}: no packet has addresses of both IPv4 and IPv6")

    def _declared_before(self) -> str | None:
        same = [r for r in declared_before() if isinstance(r, FirewallNat) and self._ties(r)]
        return same[-1].name if same else None

    def _ties(self, other: FirewallNat) -> bool:
        same_place = (other.incoming, other.position) == (self.incoming, self.position)
        return same_place and "create" in other.doing and other.name != self.name

    @property
    def incoming(self) -> bool:
        """True if the receiver is changed, before the way of the packet is decided."""
        return self.command in ("dnat", "redirect")

    @property
    def ports(self) -> Ports:
        """Ranges of ports it goes to, sorted, without overlaps."""
        return port_ranges(self, self.port)

    @property
    def sources(self) -> tuple[Network, ...]:
        """Networks it comes from; none means any."""
        return networks(self, self.source)

    @property
    def destinations(self) -> tuple[Network, ...]:
        """Networks it goes to; none means any."""
        return networks(self, self.destination)

    @property
    def families(self) -> tuple[int, ...]:
        """The IP versions it is about: 4, 6 or both."""
        sides = [{n.version for n in side} for side in (self.sources, self.destinations) if side]
        if self.to_address is not None:
            sides.append({ipaddress.ip_address(self.to_address).version})
        if self.version is not None:
            sides.append({self.version})
        if not sides and self.command == "masquerade":
            return (4,)
        return tuple(family for family in (4, 6) if all(family in side for side in sides))


firewall_nat = recipe_function(FirewallNat)
