"""The division of hosts into shards: hosts of one place together, none too large."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

LARGEST = 1000
"""Hosts of a shard on this machine at most: a process needs 0.3 MB for each, until its end."""


@dataclass(frozen=True)
class Shard:
    """Hosts that one worker, or one process, takes."""

    number: int
    hosts: tuple[str, ...]
    place: str = ""
    """The POP of all of them; only a worker with this resource takes them."""


def shards(hosts: Sequence[str], places: Mapping[str, str], size: int) -> Iterator[Shard]:
    """Yield the shards, places in the order of their first host."""
    by_place: dict[str, list[str]] = {}
    for host in hosts:
        by_place.setdefault(places.get(host, ""), []).append(host)
    number = 0
    for place, names in by_place.items():
        for begin in range(0, len(names), size):
            number += 1
            yield Shard(number, tuple(names[begin : begin + size]), place)


def dealt(hosts: Sequence[str], processes: int, largest: int = LARGEST) -> list[Shard]:
    """
    Return shards for so many processes, hosts dealt in turn: each gets some of each group.

    >>> [shard.hosts for shard in dealt(["a", "b", "c"], 2)]
    [('a', 'c'), ('b',)]
    """
    rounds = math.ceil(len(hosts) / (processes * largest))
    number = min(len(hosts), processes * rounds)
    return [Shard(one + 1, tuple(hosts[one::number])) for one in range(number)]
