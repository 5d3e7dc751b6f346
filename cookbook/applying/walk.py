"""The walk through the queue of a host: a decision about each item, in the order of execution."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from cookbook.errors import HostError, WouldLockOut
from cookbook.language.sections import Failures
from cookbook.planning.decision import Decision, Item, PlannedChange
from cookbook.planning.forecast import Forecast, Pending
from cookbook.planning.planner import Planner
from cookbook.planning.queue import Queue

Permitted = Callable[[Decision], Decision | None]
"""A callback that returns the decision after the permission; None if the run is to stop."""


class Walk:
    """The decisions about the items of a queue, with the notifications at their places."""

    def __init__(
        self,
        queue: Queue,
        planner: Planner,
        failures: Failures,
        refusal: Callable[[PlannedChange], HostError | None],
        permitted: Permitted,
    ) -> None:
        """Create the walk; `refusal` returns the error of a change that would lock out."""
        self._queue = queue
        self._planner = planner
        self._failures = failures
        self._refusal = refusal
        self._permitted = permitted

    def decisions(self, forecast: Forecast) -> Iterator[Decision]:
        """
        Yield the decisions about the queue in order.

        A change comes after its `before` notifications, and before its immediate ones.
        """
        asked: set[tuple[object, ...]] = set()
        for item in list(self._queue.queue):
            turn = [item]
            while turn:
                one = turn.pop(0)
                decision = self._decide(one, forecast)
                ahead = [first for first in self._ahead(decision) if first.key not in asked]
                if isinstance(decision, PlannedChange) and ahead:
                    asked.update(first.key for first in ahead)
                    turn[:0] = [*ahead, one]
                    continue
                for first in ahead:
                    yield from self._perhaps(first, decision, forecast)
                judged = self._permitted(decision)
                if judged is None:
                    return
                yield from self._with_what_follows(judged, forecast)
                if judged.status == "change":
                    turn[:0] = self._queue.notified(judged.item, "immediate")

    def look_ahead(self) -> None:
        """
        Refuse the run before anything is changed if one change is certain to lock the operator out.

        Raises WouldLockOut.
        """
        forecast = Forecast()
        for item in self._queue.known:
            decision = self._decide(item, forecast)
            if isinstance(decision.error, WouldLockOut):
                raise decision.error
            if decision.status in ("change", "unknown"):
                forecast.add(pending(decision))

    def _decide(self, item: Item, forecast: Forecast) -> Decision:
        """Return the decision; a failed one if it is certain to lock the operator out."""
        if item.because is None and (why := self._failures.skips(item.declared.sections)):
            return Decision(item, "skipped", None, None, left_out=why)
        decision = self._planner.decide(item, forecast)
        if not isinstance(decision, PlannedChange):
            return decision
        error = self._refusal(decision)
        return decision if error is None else decision.ended("failed", error)

    def _ahead(self, decision: Decision) -> list[Item]:
        if decision.status not in ("change", "unknown"):
            return []
        return self._queue.ahead(decision.item)

    def _perhaps(self, item: Item, source: Decision, forecast: Forecast) -> Iterator[Decision]:
        """Yield the unknown decision for what an unknown change may notify."""
        for told in self._queue.perhaps_one(item, source):
            forecast.add(pending(told))
            yield told

    def _with_what_follows(self, decision: Decision, forecast: Forecast) -> Iterator[Decision]:
        """Yield the decision, and those that its immediate notifications make unknown."""
        if decision.status in ("change", "unknown"):
            forecast.add(pending(decision))
        yield decision
        if decision.status == "unknown":
            for told in self._queue.perhaps(decision, "immediate"):
                forecast.add(pending(told))
                yield told


def pending(decision: Decision) -> Pending:
    """Return a decision that is not carried out yet, as the forecast needs it."""
    item = decision.item
    return Pending(
        item.resource,
        decision.provider,
        decision.change,
        decision.until,
        block=item.declared.parallel if item.because is None else None,
    )
