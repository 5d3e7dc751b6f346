"""The statuses of runs, hosts and resources, as documents and histories write them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Literal, TypedDict, TypeVar

S = TypeVar("S", bound=str)

Mode = Literal["converge", "plan", "apply", "drift", "undo"]


LOOKING: frozenset[Mode] = frozenset({"plan", "drift"})
"""Runs that change nothing."""


HostStatus = Literal["ok", "changed", "failed", "unreachable", "timeout", "interrupted", "refused"]


ResourceStatus = Literal[
    "ok", "changed", "unknown", "failed", "skipped", "not-run", "orphaned", "refused", "unmanaged"
]


Cause = Literal["drift", "intent"]
"""The reason for a deviation: the host has changed since the last run, or the recipe has."""


_WORST_FIRST = (
    *("failed", "refused", "unknown", "not-run", "drift", "intent", "differs"),
    *("changed", "act", "excused", "unmanaged"),
)


def one_each(pairs: Iterable[tuple[Hashable, S]]) -> list[S]:
    """
    Return one status for each resource of a host: one that was notified has several steps.

    The worst counts, and what was changed counts more than what was in line. Of other statuses
    the first counts.

    >>> one_each([("a", "ok"), ("b", "ok"), ("a", "changed")])
    ['changed', 'ok']
    """
    found: dict[Hashable, S] = {}
    for key, status in pairs:
        before = found.setdefault(key, status)
        if _rank(status) < _rank(before):
            found[key] = status
    return list(found.values())


def _rank(status: str) -> int:
    return _WORST_FIRST.index(status) if status in _WORST_FIRST else len(_WORST_FIRST)


class Excuse(TypedDict):
    """An ignore rule that matches a drift."""

    pattern: str
    reason: str
    until: str | None
    """The last day on which the rule applies (`2026-12-31`); None for no end."""
