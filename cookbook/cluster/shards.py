"""The division of hosts into shards: hosts of one place together, none too large."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

SHARD = 200
"""Hosts of a shard at most: what a worker does in some seconds if there is nothing to do."""


@dataclass(frozen=True)
class Shard:
    """Hosts that one worker takes."""

    number: int
    hosts: tuple[str, ...]
    place: str = ""
    """The POP of all of them; only a worker with this resource takes them."""


def shards(hosts: Sequence[str], places: Mapping[str, str], size: int = SHARD) -> Iterator[Shard]:
    """Yield the shards, places in the order of their first host."""
    by_place: dict[str, list[str]] = {}
    for host in hosts:
        by_place.setdefault(places.get(host, ""), []).append(host)
    number = 0
    for place, names in by_place.items():
        for begin in range(0, len(names), size):
            number += 1
            yield Shard(number, tuple(names[begin : begin + size]), place)
