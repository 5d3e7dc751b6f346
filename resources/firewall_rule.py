"""Which packets may pass."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import Resource, recipe_function
from cookbook.resources._packets import (
    Network,
    Ports,
    PortsGiven,
    check_interfaces,
    check_rule,
    check_sets,
    declared_before,
    networks,
    port_ranges,
    refuse_flushed_rules,
    set_named,
)

Action = Literal["create", "delete", "nothing"]
RuleVerdict = Literal["allow", "deny", "reject", "log"]
Protocol = Literal["tcp", "udp", "icmp", "ipv6-icmp", "none"]
Direction = Literal["in", "out", "forward"]

_RATE = re.compile(r"[1-9][0-9]{0,5}/(second|minute|hour|day)")


class FirewallRule(Resource):
    """
    A rule of the packet filter: the firewall cookbook's `firewall_rule`.

    The rules that are declared are all there is: what none of them matches
    passes, unless the last one is `firewall_rule("default", command="deny",
    protocol="none", position=100)`. Replies to what passed, the loopback and the
    neighbour discovery of IPv6 always pass, so that no rule breaks existing connections. The rules
    are in a separate table: rules of others are left alone, and packets that those drop are
    dropped: a plan names the base chains of others that may do so (ufw). IPv4 and IPv6 are both
    meant unless an address says which.

    Example::

        firewall_rule("web", port=[80, 443], protocol="tcp", command="allow")
    """

    category: ClassVar[str] = "network"

    command: RuleVerdict = "allow"
    """`deny` drops silently, `reject` says so to the sender, `log` goes on with the next rule."""

    protocol: Protocol | int = "tcp"
    """Which protocol; a number is one of /etc/protocols, `none` means any."""

    port: int | str | Sequence[int | str] | None = None
    """
    The destination port: a port, a range as "8000:8100", or several; or a set as "@name". tcp and
    udp only.
    """

    dest_port: int | str | Sequence[int | str] | None = None
    """Another name of `port`."""

    source_port: int | str | Sequence[int | str] | None = None
    """The source port; no set."""

    source: str | Sequence[str] | None = None
    """
    The sender: an address, a network as 192.0.2.0/24, or several, IPv4 or IPv6; or a
    `firewall_set` as "@name".
    """

    destination: str | Sequence[str] | None = None
    """The receiver, likewise."""

    interface: str | None = None
    """The incoming interface (the outgoing one, for direction `out`)."""

    dest_interface: str | None = None
    """The outgoing interface."""

    direction: Direction = "in"
    """To this host, from it, or through it."""

    stateful: bool | str | Sequence[str] | None = None
    """States of its connection: new, established, related, invalid; True means new."""

    limit: str | None = None
    """
    The rate of packets it matches, as "10/minute"; the others meet the rules that follow. With
    `stateful=True` it counts new connections.
    """

    burst: int = 5
    """The number of packets it matches at once before the limit counts."""

    position: int = 50
    """The order of the rules, 0-9999: smaller ones come first."""

    after: str | None = None
    """The rule of the same position that comes before; by default the one declared before."""

    logging: bool = False
    """Log the packet, too."""

    description: str | None = None
    """The purpose; added to the comment of the live rule."""

    include_comment: bool = True
    """Have the description in the comment."""

    action: Action | Sequence[Action] = "create"

    def validate(self) -> None:
        """Check what makes no rule."""
        check_rule(self, self.position)
        self._check_numbers()
        self._check_places()
        refuse_flushed_rules(self)
        object.__setattr__(self, "after", self.after or self._declared_before())

    def _check_numbers(self) -> None:
        if self.port is not None and self.dest_port is not None:
            raise RecipeError(f"{self}: port and dest_port are the same thing")
        given = self.ports or self.source_ports or self.port_set
        if given and self.protocol not in ("tcp", "udp"):
            raise RecipeError(f"{self}: only tcp and udp have ports, not {self.protocol}")
        if isinstance(self.protocol, int) and not 0 < self.protocol < 256:
            raise RecipeError(f"{self}: protocol {self.protocol} is not from 1 to 255")

    def _check_places(self) -> None:
        check_interfaces(self, (self.interface, self.dest_interface))
        check_sets(self, (self.source, self.destination, self.port, self.dest_port))
        if self.dest_interface is not None and self.direction == "in":
            raise RecipeError(f"{self}: what comes in does not go out on an interface")
        if self.states - {"new", "established", "related", "invalid", "untracked"}:
            raise RecipeError(f"{self}: {self.stateful!r} is no state of a connection")
        if not self.families:
            raise RecipeError(f"{self}: no packet has addresses of both IPv4 and IPv6")
        if self.limit is not None and not _RATE.fullmatch(self.limit):
            raise RecipeError(
                f"{self}: {self.limit!r} is no rate",
                hint='a number for a second, minute, hour or day: "10/minute"',
            )
        if not 0 < self.burst <= 10000:
            raise RecipeError(f"{self}: burst is a number of packets, 1 to 10000")

    def _declared_before(self) -> str | None:
        """Return the rule just before this one, if only the recipe defines their order."""
        same = [r.name for r in declared_before() if isinstance(r, FirewallRule) and self._ties(r)]
        return same[-1] if same else None

    def _ties(self, other: FirewallRule) -> bool:
        same_place = (other.direction, other.position) == (self.direction, self.position)
        return same_place and "create" in other.doing and other.name != self.name

    @property
    def ports(self) -> Ports:
        """Ranges of ports it goes to, sorted, without overlaps."""
        return port_ranges(self, self._port)

    @property
    def _port(self) -> PortsGiven:
        return self.port if self.port is not None else self.dest_port

    @property
    def port_set(self) -> str | None:
        """The set of ports it goes to."""
        return set_named(self._port)

    @property
    def source_ports(self) -> Ports:
        """Ranges of ports it comes from."""
        return port_ranges(self, self.source_port)

    @property
    def sources(self) -> tuple[Network, ...]:
        """Networks it comes from; none means any."""
        return networks(self, self.source)

    @property
    def destinations(self) -> tuple[Network, ...]:
        """Networks it goes to; none means any."""
        return networks(self, self.destination)

    @property
    def sets(self) -> list[str]:
        """The names of the sets it refers to."""
        named = map(set_named, (self._port, self.source, self.destination))
        return [name for name in named if name is not None]

    @property
    def rate(self) -> tuple[int, str]:
        """The limit: packets, and the unit of time."""
        count, _, unit = (self.limit or "0/second").partition("/")
        return int(count), unit

    @property
    def families(self) -> tuple[int, ...]:
        """The IP versions it is about: 4, 6 or both."""
        own = {"icmp": (4,), "ipv6-icmp": (6,)}.get(str(self.protocol), (4, 6))
        sides = [{n.version for n in side} for side in (self.sources, self.destinations) if side]
        return tuple(family for family in own if all(family in side for side in sides))

    @property
    def states(self) -> frozenset[str]:
        """The states of the connection it is about; empty for any."""
        match self.stateful:
            case None | False:
                return frozenset()
            case True:
                return frozenset({"new"})
            case str(one):
                return frozenset({one.lower()})
            case several:
                return frozenset(state.lower() for state in several)


firewall_rule = recipe_function(FirewallRule)
