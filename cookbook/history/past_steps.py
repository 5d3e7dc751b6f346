"""The steps of a run of the history, as values: for an undo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from cookbook.history.step_record import recorded_step

if TYPE_CHECKING:
    from cookbook.history.store import History
    from cookbook.planning.step import Step
    from cookbook.reports.schema import ResourceDocument


def past_steps(history: History, run: str) -> Mapping[str, Sequence[Step]]:
    """
    Return the steps of a run on each host.

    Raises UsageError if there is no such run, PlanError or Unsupported if a type is not installed.
    """
    return {
        host: [recorded_step(s.document, s.state) for s in steps if not _left_undone(s.document)]
        for host, steps in history.steps(run).items()
    }


def _left_undone(document: ResourceDocument) -> bool:
    """Return whether a step of a saved plan was unknown and not applied."""
    return document["status"] == "unknown" and document["until"] is not None
