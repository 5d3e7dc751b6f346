"""The state of a host, byte for byte, and what steps and documents of a run tell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cookbook.planning.step import Step
from cookbook.testing import difference, manifest, state

__all__ = ["difference", "failures", "fault", "manifest", "state", "statuses"]


def failures(document: dict[str, Any]) -> Any:
    return [
        (h["error"], [(r["id"], r["error"]) for r in h["resources"] if r["error"]])
        for h in document.get("hosts", {}).values()
    ] or document["stderr"]


def statuses(steps: Sequence[Step]) -> list[str]:
    """Return the status of each step."""
    return [step.status for step in steps]


def fault(step: Step) -> str:
    """Return all that the error of a step tells."""
    assert step.error is not None
    return str(vars(step.error))
