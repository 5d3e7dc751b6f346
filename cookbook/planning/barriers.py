"""The interface by which the work on a host waits for other hosts of the run."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, Protocol

from cookbook.language.sections import Barrier
from cookbook.planning.step import Step

Passed = Literal["passed", "changed", "stopped"]
"""`changed`: something was changed on a host meanwhile; `stopped`: the run is to stop."""


class BarrierKeeper(Protocol):
    """The barriers of a run, for one of its hosts."""

    def doer(self, barrier: Barrier) -> str | None:
        """Return the host that does a block for this one; None if this host does it."""
        ...

    def miss(self, barrier: Barrier, why: str) -> None:
        """Tell that this host goes on without coming to a barrier, and why."""
        ...

    def come_to(self, barrier: Barrier) -> Passed:
        """
        Wait at a barrier, or tell that the block is done here.

        Raises BarrierBroken; DeadlineExceeded if the time for the run is over before.
        """
        ...


class NoOthers:
    """The barriers of a host that is alone."""

    def doer(self, barrier: Barrier) -> str | None:
        """Return that this host does it."""
        return None

    def miss(self, barrier: Barrier, why: str) -> None:
        """Tell no other host."""

    def come_to(self, barrier: Barrier) -> Passed:
        """Wait for no other host."""
        return "passed"


def passed(step: Step, keeper: BarrierKeeper) -> Step:
    """Return the step of a barrier; it says which host does a block for this one."""
    barrier = step.declared.barrier
    if barrier is None or not barrier.once or step.status != "ok":
        return step
    doer = keeper.doer(barrier)
    return step if doer is None else replace(step, done_on=doer)
