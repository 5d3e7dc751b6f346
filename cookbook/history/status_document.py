"""The documents of `cook status`: what is where, and how hosts differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from cookbook.history.picture import HostPicture, totals

if TYPE_CHECKING:
    from cookbook.history.records import LastVisit, StateSeen
    from cookbook.reports.status import (
        ComparisonDocument,
        RolloutDocument,
        StatusDocument,
        VisitDocument,
    )

Facets = Mapping[str, Any]
"""The comparable values of a host, as JSON: `revision`, `vars.size`, `file[/etc/motd]`."""

ABSENT = "(absent)"
"""The value of a resource whose thing is not there."""

NOT_KEPT = "(not kept)"
"""The value of a resource whose state is not in the history: there is none, or a secret in it."""


_OF_ONE = frozenset({"hostname", "fqdn", "addresses", "machine_id", "boot_id", "root"})
"""Facts that each host has for itself."""


@dataclass(frozen=True)
class KnownHost:
    """A host of the inventory with its picture."""

    name: str
    groups: Sequence[str]
    environment: str | None
    variables: Mapping[str, Any]
    """As JSON, without secrets."""

    recipes: Sequence[str]
    """Those that the inventory gives it."""

    facts: Mapping[str, Any]
    """The facts that were last read, as JSON; empty if none are kept."""

    picture: HostPicture

    features: Mapping[str, bool | None] = field(default_factory=dict)
    """Which features it has; None for one that depends on facts."""

    comes_first: bool = False
    """True if the next run begins with it, because the last one could not reach it."""

    left_by_rollouts: Sequence[str] = ()
    """Sentences about what a rollout has not completed."""

    @property
    def pending(self) -> list[str]:
        """Sentences about what is not done."""
        waits = ["comes first in the next run"] if self.comes_first else []
        return [*self.picture.pending, *waits, *self.left_by_rollouts]


def status_document(
    hosts: Sequence[KnownHost],
    groups: Mapping[str, Sequence[str]],
    by: str,
    now: datetime,
    rollouts: Sequence[RolloutDocument] = (),
) -> StatusDocument:
    """
    Return the picture of these hosts; `groups` are lists of their names, by what is grouped.

    `rollouts` are those that have not ended.
    """
    return {
        "schema": 1,
        "at": now.isoformat(timespec="seconds"),
        "by": by,
        "totals": totals(host.picture for host in hosts),
        "groups": {name: list(members) for name, members in groups.items()},
        "hosts": {
            host.name: {
                "groups": list(host.groups),
                "environment": host.environment,
                "features": dict(host.features),
                "result": host.picture.result,
                "revision": host.picture.revision,
                "desired": host.picture.desired,
                "asks_anew": host.picture.asks_anew,
                "last": _visit(host.picture.last, now),
                "success": _visit(host.picture.success, now),
                "looked": _visit(host.picture.look, now),
                "resources": host.picture.resources,
                "out": [
                    {
                        "resource": one.resource,
                        "status": one.status,
                        "cause": one.cause,
                        "since": one.since,
                    }
                    for one in host.picture.all_steps
                    if one.resource in host.picture.out
                ],
                "pending": host.pending,
                "left": [
                    {
                        "set": of_set,
                        "run": look.run,
                        "started": look.started,
                        "age": _age(look.started, now),
                        "resources": resources,
                    }
                    for of_set, (look, resources) in host.picture.left_by_other_sets.items()
                ],
            }
            for host in hosts
        },
        "rollouts": list(rollouts),
    }


def _visit(visit: LastVisit | None, now: datetime) -> VisitDocument | None:
    if visit is None:
        return None
    return {
        "run": visit.run,
        "mode": visit.mode,
        "started": visit.started,
        "age": _age(visit.started, now),
        "status": visit.status,
        "revision": visit.revision,
        "desired": visit.desired,
        "recipes": visit.recipes,
        "set": visit.set,
        "by": visit.by,
    }


def _age(started: str, now: datetime) -> float | None:
    try:
        return round((now - datetime.fromisoformat(started)).total_seconds(), 1)
    except (ValueError, TypeError, OverflowError):
        return None


def facets(host: KnownHost, states: Mapping[str, StateSeen]) -> dict[str, Any]:
    """Return all that can be compared of a host; `states` are those of the last look at it."""
    success = host.picture.success
    recipes = host.recipes or (success.recipes if success is not None else [])
    found: dict[str, Any] = {
        "result": host.picture.result,
        "revision": host.picture.revision,
        "desired": host.picture.desired,
        "recipes": ", ".join(recipes) or None,
        "environment": host.environment,
    }
    found |= {f"vars.{name}": value for name, value in host.variables.items()}
    found |= {f"feature.{name}": is_on for name, is_on in host.features.items()}
    found |= {f"facts.{name}": one for name, one in host.facts.items() if name not in _OF_ONE}
    for resource, seen in states.items():
        found[resource] = dict(seen.left) if seen.left is not None else ABSENT
        if not seen.kept:
            found[resource] = NOT_KEPT
    return found


def compared(one: tuple[str, Facets], other: tuple[str, Facets]) -> ComparisonDocument:
    """Return the differences between two hosts."""
    keys = dict.fromkeys((*one[1], *other[1]))
    rows = [
        {"what": what, "values": [a, b]}
        for key in keys
        for what, a, b in _differences(key, one[1], other[1])
    ]
    return {"schema": 1, "sides": [one[0], other[0]], "of": None, "rows": rows}


def compared_with_group(
    host: tuple[str, Facets], group: str, others: Mapping[str, Facets]
) -> ComparisonDocument:
    """
    Return how a host differs from what more than half of the others of its group are.

    What differs from host to host, such as a variable with the number of the host, is left out.
    """
    keys = dict.fromkeys(key for facets in (host[1], *others.values()) for key in facets)
    rows = []
    for key in keys:
        values = [facets.get(key) for facets in others.values()]
        texts = [_text(value) for value in values]
        [(most, count)] = Counter(texts).most_common(1)
        if 2 * count <= len(others):
            continue
        usual = {key: values[texts.index(most)]}
        rows += [
            {"what": what, "values": [a, b], "count": count}
            for what, a, b in _differences(key, host[1], usual)
        ]
    sides = [host[0], f"most of {group}"]
    return {"schema": 1, "sides": sides, "of": len(others), "rows": rows}


def _differences(key: str, one: Facets, other: Facets) -> list[tuple[str, Any, Any]]:
    """Return what differs in one facet: of two states, the fields that differ."""
    a, b = one.get(key), other.get(key)
    if _text(a) == _text(b):
        return []
    if not (isinstance(a, dict) and isinstance(b, dict)):
        return [(key, a, b)]
    fields = [
        field for field in dict.fromkeys((*a, *b)) if _text(a.get(field)) != _text(b.get(field))
    ]
    return [(f"{key} {field}", a.get(field), b.get(field)) for field in fields]


def _text(value: object) -> str:
    """Return a text by which values are compared as JSON."""
    import json

    return json.dumps(value, sort_keys=True, default=str)
