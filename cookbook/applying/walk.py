"""The walk through the queue of a host: a decision about each item, in the order of execution."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from cookbook.errors import HostError, WouldLockOut
from cookbook.language.sections import Failures
from cookbook.planning.decision import Decision, Item, PlannedChange
from cookbook.planning.forecast import Forecast, Pending
from cookbook.planning.planner import Planner
from cookbook.planning.queue import Queue
from cookbook.planning.transaction import Transaction

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
        self._waits: dict[tuple[object, ...], str] = {}
        """Item -> the resource that had to be done before it was known, in the first turn."""

    def decisions(
        self, forecast: Forecast, may_ask: Callable[[], bool] = lambda: True
    ) -> Iterator[Decision]:
        """
        Yield the decisions about the queue in order.

        A change comes after its `before` notifications, and before its immediate ones. The
        decisions end before an item that must be asked about, unless `may_ask`.
        """
        asked: set[tuple[object, ...]] = set()
        queue = list(self._queue.queue)
        for i, item in enumerate(queue):
            if not self._planner.is_answered(item):
                if not may_ask():
                    return
                self._planner.refresh(self._within_reach(queue[i:]))
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
        Decide about the whole queue before anything is changed; note which items must wait.

        Raises WouldLockOut if one change is certain to lock the operator out.
        """
        forecast = Forecast()
        for item in self._queue.known:
            decision = self._decide(item, forecast)
            if isinstance(decision.error, WouldLockOut):
                raise decision.error
            if decision.status in ("change", "unknown"):
                forecast.add(pending(decision))
            if decision.until is not None:
                self._waits[item.key] = str(decision.until)

    def upcoming(self, sent: Iterable[Transaction] = ()) -> Iterator[Item]:
        """
        Yield the items to be asked about after these transactions.

        These are the items of the transactions, those that they notify, and the next ones of
        the queue, up to the first that waits for a change which is not sent yet. Before
        `look_ahead` these are all.
        """
        links = list(sent)
        done = {one.item.key for link in links for one in [*link.gap, *link.changes]}
        yield from self._queue.roused(links)
        yield from (item for item in self._queue.known if item.key in done)
        yield from self._within_reach([one for one in self._queue.known if one.key not in done])

    def _within_reach(self, items: Sequence[Item]) -> Iterator[Item]:
        """Yield these items and what they notify at once, up to the first that must wait."""
        before: set[str] = set()
        for item in items:
            if self._waits.get(item.key) in before:
                return
            before.add(str(item.resource))
            yield item
            for timing in ("before", "immediate"):
                yield from self._queue.notified(item, timing)

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
