"""The order in which hosts begin: so many at once behind one bastion, or at one address."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from cookbook.errors import Refused, Unreachable
from cookbook.transport.bastion import copied

if TYPE_CHECKING:
    from cookbook.inventory import Host
    from cookbook.transport.hops import Hop

Lane = tuple[str, str]
"""The kind of what hosts share (`per_bastion`, `per_address`), and its name."""

_UNKNOWN = 5
"""Hosts that try at once if their bastions can be entered; the others keep their turns."""


class Lanes:
    """
    Hosts that have not begun, and what those at work take up.

    `per_bastion` and `per_address` of hosts.yml limit how many hosts are at work at the same time
    that have the same bastion, or address. A host that has to wait lets the next one go first.

    Until it is known whether bastions can be entered, a few of the hosts behind them are at work:
    all turns would be taken by those behind one that drops packets.
    """

    def __init__(self, hosts: Sequence[Host]) -> None:
        """Create the order; hosts that can begin do so in this one."""
        self._limits = _limits(hosts)
        ways = {host.jump or () for host in hosts}
        self._limits |= {_way(way): _UNKNOWN for way in ways if way and len(ways) > 1}
        self._down: dict[Lane, Unreachable] = {}
        """The error of bastions that could not be entered: hosts behind them are not tried."""
        self._at_work: Counter[Lane] = Counter()
        self._waiting: dict[tuple[Lane, ...], deque[tuple[int, Host]]] = {}
        for number, host in enumerate(hosts):
            self._waiting.setdefault(self._of(host), deque()).append((number, host))

    def _of(self, host: Host) -> tuple[Lane, ...]:
        """Return the lanes of a host that have a limit."""
        lanes = [*(lane for lane, _ in _shared(host)), _way(host.jump or ())]
        return tuple(lane for lane in lanes if lane in self._limits)

    def is_open(self, host: Host) -> bool:
        """Return True if it is known whether the bastions of a host can be entered."""
        return self._limits.get(_way(host.jump or ()), math.inf) == math.inf

    def open(self, host: Host) -> None:
        """Note that it is known: all hosts behind these bastions may begin, or be told of it."""
        self._limits[_way(host.jump or ())] = math.inf

    def note_down(self, host: Host, error: Unreachable) -> None:
        """Note that the bastions of a host could not be entered, if the inventory names them."""
        if host.jump:
            self._down.setdefault(_way(host.jump), error)

    def check_way(self, host: Host) -> None:
        """Raise the error of another host behind the same bastions, if these were not entered."""
        if host.jump and (down := self._down.get(_way(host.jump))) is not None:
            raise copied(down)

    @property
    def is_free(self) -> bool:
        """Return True if a host that has not begun may begin."""
        return any(self._has_room(lanes) for lanes in self._waiting)

    def take(self) -> Host:
        """Return the next host; it is at work from now on. Raises IndexError if none may begin."""
        lanes = min(
            (lanes for lanes in self._waiting if self._has_room(lanes)),
            key=lambda lanes: self._waiting[lanes][0][0],
            default=None,
        )
        if lanes is None:
            raise IndexError("no host may begin")
        _, host = self._waiting[lanes].popleft()
        if not self._waiting[lanes]:
            del self._waiting[lanes]
        self._at_work.update(lanes)
        return host

    def leave(self, host: Host) -> None:
        """Note that the work on a host has ended."""
        self._at_work.subtract(self._of(host))

    def _has_room(self, lanes: Iterable[Lane]) -> bool:
        return all(self._at_work[lane] < self._limits[lane] for lane in lanes)


def _way(hops: Sequence[Hop]) -> Lane:
    return "way", ",".join(map(str, hops))


def _shared(host: Host) -> list[tuple[Lane, int | None]]:
    """Return what a host shares with others, each with the limit that its settings name."""
    hops: list[tuple[Lane, int | None]] = [
        (("per_bastion", str(hop)), host.per_bastion) for hop in host.jump or ()
    ]
    return [*hops, (("per_address", host.address), host.per_address)]


def _limits(hosts: Iterable[Host]) -> dict[Lane, float]:
    """Return the limits that can be reached; of several for one lane the smallest counts."""
    found: dict[Lane, float] = {}
    number: Counter[Lane] = Counter()
    for host in hosts:
        for lane, limit in _shared(host):
            number[lane] += 1
            if limit is not None:
                found[lane] = min(limit, found.get(lane, limit))
    return {lane: limit for lane, limit in found.items() if number[lane] > limit}


def check_room(hosts: Sequence[Host]) -> None:
    """Raise Refused if these hosts, which wait for one another, cannot be at work together."""
    for (kind, name), limit in _limits(hosts).items():
        what = "bastion" if kind == "per_bastion" else "address"
        raise Refused(
            f"hosts that wait for one another cannot be at work at the same time: more than {limit}"
            f" have the {what} {name}, and {kind} in the inventory allows no more",
            hint=f"raise {kind} for them, or do without the barrier",
        )
