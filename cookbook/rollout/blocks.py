"""Barriers in the recipes of a rollout: its hosts come one after the other, so none can be met."""

from __future__ import annotations

from collections.abc import Iterator

from cookbook.language.barriers import barriers_of
from cookbook.language.sections import Barrier
from cookbook.reports.report import HostReport
from cookbook.rollout.plan import RolloutPlan


def barriers_in(report: HostReport) -> Iterator[Barrier]:
    """Yield the barriers of a host of which a plan was made."""
    yield from barriers_of(step.declared for step in report.steps)


def misplaced(plan: RolloutPlan, host: str, barrier: Barrier) -> str | None:
    """
    Return why a rollout cannot keep the promise of a barrier for a host; None if it can.

    That is so for a block whose host is named and comes in an earlier batch: it is done then.
    """
    if (wrong := impossible(barrier)) is not None or barrier.on == host:
        return wrong
    places = {
        name: (at, number)
        for at, stage in enumerate(plan.stages)
        for number, batch in enumerate(stage.batches)
        for name in batch.hosts
    }
    doer = barrier.on or ""
    if doer not in places:
        return f"{barrier.where}: `run_once` is done on {doer}, which is not in this rollout"
    if places[doer] >= places[host]:
        return (
            f"{barrier.where}: `run_once` is done on {doer}, which does not come in a batch before"
            f" that of {host}"
        )
    return None


def impossible(barrier: Barrier) -> str | None:
    """Return why no rollout can keep the promise of a barrier; None if one can."""
    if not barrier.once:
        return (
            f"{barrier.where}: `barrier` has hosts wait for one another; in a rollout a host waits"
            " for none, because the others are at work at another time, or not at all"
        )
    if barrier.on is None:
        return (
            f"{barrier.where}: `run_once` without `on` is done by the first host of a run; in a"
            " rollout each host has a run of its own"
        )
    return None
