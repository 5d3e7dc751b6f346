"""Which packets may pass."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.language.collection import current
from cookbook.provider import Resource, recipe_function

Action = Literal["create", "delete", "nothing"]
RuleVerdict = Literal["allow", "deny", "reject", "log"]
Protocol = Literal["tcp", "udp", "icmp", "ipv6-icmp", "none"]
Direction = Literal["in", "out", "forward"]

Ports = tuple[tuple[int, int], ...]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_LONGEST_NAME = 80  # nft(8) keeps 128 bytes of a comment, which has the position, too


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
    """The destination port: a port, a range as "8000:8100", or several. tcp and udp only."""

    dest_port: int | str | Sequence[int | str] | None = None
    """Another name of `port`."""

    source_port: int | str | Sequence[int | str] | None = None
    """The source port."""

    source: str | Sequence[str] | None = None
    """The sender: an address, a network as 192.0.2.0/24, or several; IPv4 or IPv6."""

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
        if not re.fullmatch(rf"[A-Za-z0-9_.:/@+ -]{{1,{_LONGEST_NAME}}}", self.name):
            raise RecipeError(
                f"{self}: a name is up to {_LONGEST_NAME} letters, digits, blanks and _.:/@+-",
                hint="it becomes the comment of the rule",
            )
        self._check_numbers()
        self._check_places()
        refuse_flushed_rules(self)
        object.__setattr__(self, "after", self.after or self._declared_before())

    def _check_numbers(self) -> None:
        if self.port is not None and self.dest_port is not None:
            raise RecipeError(f"{self}: port and dest_port are the same thing")
        if (self.ports or self.source_ports) and self.protocol not in ("tcp", "udp"):
            raise RecipeError(f"{self}: only tcp and udp have ports, not {self.protocol}")
        if not 0 <= self.position <= 9999:
            raise RecipeError(f"{self}: position is a number from 0 to 9999")
        if isinstance(self.protocol, int) and not 0 < self.protocol < 256:
            raise RecipeError(f"{self}: protocol {self.protocol} is not from 1 to 255")

    def _check_places(self) -> None:
        for name in (self.interface, self.dest_interface):
            if name is not None and not re.fullmatch(r"[A-Za-z0-9_.@-]{1,15}", name):
                raise RecipeError(f"{self}: {name!r} cannot be the name of an interface")
        if self.dest_interface is not None and self.direction == "in":
            raise RecipeError(f"{self}: what comes in does not go out on an interface")
        if self.states - {"new", "established", "related", "invalid", "untracked"}:
            raise RecipeError(f"{self}: {self.stateful!r} is no state of a connection")
        if not self.families:
            raise RecipeError(f"{self}: no packet has addresses of both IPv4 and IPv6")

    def _declared_before(self) -> str | None:
        """Return the rule just before this one, if only the recipe defines their order."""
        same = [r.name for r in _declared() if isinstance(r, FirewallRule) and self._ties(r)]
        return same[-1] if same else None

    def _ties(self, other: FirewallRule) -> bool:
        same_place = (other.direction, other.position) == (self.direction, self.position)
        return same_place and "create" in other.doing and other.name != self.name

    @property
    def ports(self) -> Ports:
        """Ranges of ports it goes to, sorted, without overlaps."""
        return self._ranges(self.port if self.port is not None else self.dest_port)

    @property
    def source_ports(self) -> Ports:
        """Ranges of ports it comes from."""
        return self._ranges(self.source_port)

    def _ranges(self, given: int | str | Sequence[int | str] | None) -> Ports:
        if given is None:
            return ()
        items = [given] if isinstance(given, int | str) else given
        return _merged(self._range(item) for item in items)

    def _range(self, item: int | str) -> tuple[int, int]:
        m = re.fullmatch(r"(\d{1,5})(?:[:-](\d{1,5}))?", str(item))
        low, high = (int(m[1]), int(m[2] or m[1])) if m else (0, 0)
        if not 0 < low <= high < 65536:
            raise RecipeError(f"{self}: {item!r} is neither a port nor a range like 8000:8100")
        return low, high

    @property
    def sources(self) -> tuple[Network, ...]:
        """Networks it comes from; none means any."""
        return self._networks(self.source)

    @property
    def destinations(self) -> tuple[Network, ...]:
        """Networks it goes to; none means any."""
        return self._networks(self.destination)

    def _networks(self, given: str | Sequence[str] | None) -> tuple[Network, ...]:
        if given is None:
            return ()
        try:
            found = [
                ipaddress.ip_network(a) for a in ([given] if isinstance(given, str) else given)
            ]
        except ValueError as error:
            raise RecipeError(f"{self}: {error}", hint="e.g. 192.0.2.0/24 or 2001:db8::1") from None
        four = ipaddress.collapse_addresses(
            n for n in found if isinstance(n, ipaddress.IPv4Network)
        )
        six = ipaddress.collapse_addresses(n for n in found if isinstance(n, ipaddress.IPv6Network))
        return (*four, *six)

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


def _merged(ranges: Iterable[tuple[int, int]]) -> Ports:
    merged: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], high))
        else:
            merged.append((low, high))
    return tuple(merged)


def refuse_flushed_rules(resource: Resource) -> None:
    """Raise RecipeError if a recipe declares rules, and a `firewall` that removes them."""
    declared = _declared()
    flushes = [one for one in (*declared, resource) if {"flush", "disable"} & set(one.doing)]
    rules = [one for one in (*declared, resource) if "create" in one.doing]
    flushes = [one for one in flushes if one.kind() == "firewall"]
    rules = [one for one in rules if one.kind().startswith("firewall_")]
    if flushes and rules and resource in (*flushes, *rules):
        raise RecipeError(
            f"{flushes[0]}: {flushes[0].doing[0]} would remove {rules[0]}, which is declared, too",
            hint="declare one of them",
        )


def _declared() -> list[Resource]:
    """Return what the recipe has declared so far; nothing outside of a recipe."""
    try:
        return [declared.resource for declared in current()]
    except RecipeError:
        return []


firewall_rule = recipe_function(FirewallRule)
