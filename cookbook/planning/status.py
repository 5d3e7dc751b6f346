"""The statuses of runs, hosts and resources, as documents and histories write them."""

from __future__ import annotations

from typing import Literal, TypedDict

Mode = Literal["converge", "plan", "apply", "drift", "undo"]


LOOKING: frozenset[Mode] = frozenset({"plan", "drift"})
"""Runs that change nothing."""


HostStatus = Literal["ok", "changed", "failed", "unreachable", "timeout", "interrupted", "refused"]


ResourceStatus = Literal[
    "ok", "changed", "unknown", "failed", "skipped", "not-run", "orphaned", "refused"
]


Cause = Literal["drift", "intent"]
"""The reason for a deviation: the host has changed since the last run, or the recipe has."""


class Excuse(TypedDict):
    """An ignore rule that matches a drift."""

    pattern: str
    reason: str
    until: str | None
    """The last day on which the rule applies (`2026-12-31`); None for no end."""
