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
"""Why something is not in line: the host has changed since our last run, or the recipe has."""


class Excuse(TypedDict):
    """Why a drift is put up with."""

    pattern: str
    reason: str
    until: str | None
    """The last day on which it is (`2026-12-31`); None: for good."""
