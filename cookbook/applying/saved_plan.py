"""The application of a saved plan to one host: exactly its changes, or a refusal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from cookbook.applying.change_set import ChangeSet
from cookbook.applying.executor import Executor
from cookbook.applying.manifest import QUESTION, Manifest
from cookbook.errors import BarrierBroken, DeadlineExceeded, HostError, LockedOut, Refused
from cookbook.hosts.probing import precondition
from cookbook.language.change import Change
from cookbook.language.field_traits import compared_fields, sensitive_fields
from cookbook.planning.barriers import BarrierKeeper, NoOthers, passed
from cookbook.planning.decision import Decision, Item, PlannedChange
from cookbook.planning.forecast import Forecast
from cookbook.planning.mismatch import moved
from cookbook.planning.notifications import settled_by
from cookbook.planning.step import Listener, Step, step_of
from cookbook.planning.transaction import Transaction
from cookbook.retry import wait
from cookbook.script.program import Precondition
from cookbook.script.shell import Command
from cookbook.text.diff import Diff
from cookbook.transport.contract import Interrupted


class Application:
    """
    The changes of a plan, each sent with the precondition it was planned with.

    First everything is probed again: if one answer differs from the plan, nothing is changed
    on that host. Then the batch is sent with the same preconditions, so that it stops where
    one change of the plan has altered the state that another one was planned from.
    """

    def __init__(
        self,
        steps: Sequence[Step],
        executor: Executor,
        listener: Listener,
        manifest: Manifest,
        *,
        stopping: Callable[[], bool] = lambda: False,
        barriers: BarrierKeeper | None = None,
    ) -> None:
        """
        Create the application of these steps; unknown ones are only reported.

        `stopping` is called between two exchanges; returns whether to stop.
        """
        self._planned = [step for step in steps if step.status == "changed"]
        self._others = [step for step in steps if step.status != "changed" and not _is_point(step)]
        self._points = _points(steps)
        self._barriers = barriers or NoOthers()
        self._planner = executor.planner
        self._manifest = manifest
        self._delivery = ChangeSet(executor, listener, self._notes, again=self._again)
        self._preconditions: dict[int, Precondition] = {}
        self._own: dict[int, Precondition] = {}
        """Those of the plan, each of one change."""
        self._tries: Counter[int] = Counter()
        self._replanned: list[PlannedChange] = []
        """Changes that were planned again; kept, because preconditions are known by their ids."""
        self._stopping = stopping
        self._ended_by: HostError | None = None
        """The error that has ended the work: a lost link, no more time, no new login."""
        self.unfinished = False
        """True if a stop was requested before everything was done."""

    @property
    def failed(self) -> bool:
        """True if a change has failed, or was refused."""
        return self._delivery.failed

    def steps(self) -> Iterator[Step]:
        """
        Apply the plan; yield its steps.

        Raises Refused, with each resource that differs, before anything is changed; LinkLost,
        DeadlineExceeded or LockedOut, after all steps.
        """
        changes = [self._change(step) for step in self._planned]
        self._planner.refresh([planned.item for planned in changes], [QUESTION])
        self._manifest.read(self._planner.text(QUESTION))
        pairs = list(zip(self._planned, map(self._completed, changes), strict=True))
        if others := [self._moved(one) for step, one in pairs if not self._fits(step, one)]:
            raise Refused(
                "not as it was when the plan was made:\n" + "\n".join(others),
                hint="nothing was changed here; make the plan again, and look at it",
            )
        begin = 0
        for number, point in self._points:
            yield from self._safely(self._send(pairs[begin:number]))
            begin = number
            yield from self._safely(self._come_to(point))
        yield from self._safely(self._send(pairs[begin:]))
        yield from self._others
        if self._ended_by is not None:
            raise self._ended_by

    def _safely(self, steps: Iterator[Step]) -> Iterator[Step]:
        """Yield the steps; after an error that ends the work, the rest is only reported."""
        try:
            yield from steps
        except (Interrupted, DeadlineExceeded, LockedOut) as error:
            self._ended_by, self.unfinished = error, True

    def _come_to(self, point: Step) -> Iterator[Step]:
        """Wait for other hosts at a barrier of the plan."""
        barrier = point.declared.barrier
        if barrier is None or self.failed or self.unfinished:
            yield replace(point, status="not-run")
            return
        try:
            said = self._barriers.come_to(barrier)
        except BarrierBroken as error:
            self._delivery.failed = True
            yield replace(point, status="failed", error=error)
            return
        except DeadlineExceeded:
            yield replace(point, status="not-run")
            raise
        self.unfinished |= said == "stopped"
        yield (
            replace(point, status="not-run") if said == "stopped" else passed(point, self._barriers)
        )

    def _notes(self, changes: Sequence[PlannedChange]) -> tuple[Command | None, Command | None]:
        """Return the commands that note the changes, and their notifications, in the manifest."""
        sources = {str(planned.resource) for planned in changes}
        owed = [
            Item(step.declared, step.target, step.because)
            for step in self._planned
            if step.because in sources
        ]
        return self._manifest.notes(changes, owed, settled_by(changes))

    def _change(self, step: Step) -> PlannedChange:
        item = Item(step.declared, step.target, step.because)
        if step.provider is None or step.change is None:
            raise Refused(f"{step.target} has no change in the plan")
        probes = self._planner.probes([item])
        planned = PlannedChange(item, step.provider, step.change, probes, orphan=step.orphan)
        if step.orphan is None:
            return planned
        there = step.provider.there
        return replace(planned, goal=lambda now: Change(now if there(now) else None, None))

    def _completed(self, planned: PlannedChange) -> PlannedChange:
        """
        Return the change with the sensitive hints that a plan without a key does not hold.

        Where the answers are those of the plan, they lead to the same change again. Where they
        are not, the plan is refused in any case.
        """
        provider, resource, change = planned.provider, planned.resource, planned.change
        if not change.sensitive:
            return planned
        try:
            found = self._planner.found(provider, resource)
            again = provider.removal(found) if planned.orphan else provider.plan(resource, found)
        except HostError:
            return planned
        sides = [(change.found, again.found), (change.wanted, again.wanted)]
        filled = [_filled(side, fresh) for side, fresh in sides]
        return replace(planned, change=replace(change, found=filled[0], wanted=filled[1]))

    def _fits(self, step: Step, planned: PlannedChange) -> bool:
        """Return whether the precondition of the plan holds."""
        # The same as the file's, and with the questions that the file does not hold.
        now = precondition(planned.probes, self._planner.answers)
        self._preconditions[id(planned)] = self._own[id(planned)] = now
        return step.precondition is not None and now.digest == step.precondition.digest

    def _again(self, planned: PlannedChange) -> bool:
        """
        Wait `retry_delay` and return True if a failed change is to be sent once more.

        It is not if its precondition does not hold any more, because the failure has left
        effects, or if a stop was requested.
        """
        resource, tries = planned.resource, self._tries[id(planned)]
        now = self._precondition([planned])
        if tries >= resource.retries or now.digest != self._preconditions[id(planned)].digest:
            return False
        self._tries[id(planned)] += 1
        return wait(resource.retry_delay, self._stopping)

    def _moved(self, planned: PlannedChange) -> str:
        """Describe the difference between the planned and the found state of a resource."""
        try:
            found = self._planner.found(planned.provider, planned.resource)
        except HostError as error:
            return f"{planned.resource}: {error}"
        return f"{planned.resource}: {moved(planned.resource, planned.change.found, found)}"

    def _send(self, pairs: Sequence[tuple[Step, PlannedChange]]) -> Iterator[Step]:
        """
        Send the batch; fail the first change that another one of the plan has invalidated.

        Nothing is sent after a failure, or once the run is to stop.
        """
        diffs = {_key(step): step.diff for step, _ in pairs}
        left: Sequence[PlannedChange] = [planned for _, planned in pairs]
        if self.failed or self.unfinished:
            yield from (replace(step_of(planned), status="not-run") for planned in left)
            return
        links = self._links(left)
        while left and not self.failed:
            by = [self._preconditions[id(link.changes[0])] for link in links]
            sending = self._delivery.send(links, by)
            left = yield from _with_diffs(sending, diffs)
            if self._stopping():
                self.unfinished = bool(left)
                break
            links = self._remaining(links, left)
            if self._delivery.surprised:
                settled = self._planned_again(links[0])
                if settled is None:
                    break
                yield from map(step_of, settled)
                links = [link for link in links if link.changes]
            left = [planned for link in links for planned in link.changes]
            self._delivery.surprised = False
        if left and not (self.failed or self.unfinished):
            self._delivery.failed = True
            surprised, *left = left
            yield replace(step_of(surprised), status="failed", error=self._surprised(surprised))
        yield from (replace(step_of(planned), status="not-run") for planned in left)

    def _links(self, changes: Sequence[PlannedChange]) -> list[Transaction]:
        """
        Return the transactions of the changes, adjacent ones joined as a run joins them.

        One precondition holds for all changes of a transaction; `_preconditions` has it under the
        first of them.
        """
        links = self._delivery.links_of(changes)
        for link in links:
            self._preconditions[id(link.changes[0])] = self._precondition(link.changes)
        return links

    def _precondition(self, changes: Sequence[PlannedChange]) -> Precondition:
        """Return the precondition that the latest answers hold for these changes."""
        probes = [probe for planned in changes for probe in planned.probes]
        return precondition(probes, self._planner.answers)

    def _remaining(
        self, links: Sequence[Transaction], left: Sequence[PlannedChange]
    ) -> list[Transaction]:
        """
        Return the transactions whose changes were not made.

        Of changes that ran in parallel a part may be left, after a lost link. Each of these has its
        own precondition again: another one was made since.
        """
        open_ = {id(planned) for planned in left}
        remaining: list[Transaction] = []
        for link in links:
            rest = [planned for planned in link.changes if id(planned) in open_]
            if len(rest) == len(link.changes):
                remaining.append(link)
                continue
            self._preconditions |= {id(one): self._own[id(one)] for one in rest}
            remaining += [Transaction([], [planned]) for planned in rest]
        return remaining

    def _planned_again(self, link: Transaction) -> Sequence[Decision] | None:
        """
        Plan changes again that an earlier one of the plan has surprised.

        Return those that are made already, or None if one is not as planned. Another setting of a
        file, or another key of a user, gives the host another answer, and needs the same change,
        or less, or none. A different change is none of the plan.
        """
        again: list[PlannedChange] = []
        settled: list[Decision] = []
        for planned in link.changes:
            if planned.orphan is not None:
                return None
            decision = self._planner.decide(planned.item, Forecast())
            if decision.status == "ok":
                settled.append(decision)
                continue
            if not isinstance(decision, PlannedChange):
                return None
            if not _is_left_of(decision.change, planned.change):
                return None
            again.append(decision)
        if len(self._delivery.links_of(again)) > 1:
            return None
        if not again:
            link.changes[:] = []
            return settled
        self._preconditions[id(again[0])] = self._precondition(again)
        link.changes[:] = again
        self._replanned += again
        return settled

    def _surprised(self, planned: PlannedChange) -> HostError:
        return Refused(
            f"another change of the plan surprised it: {self._moved(planned)}",
            hint="what comes before it is done; make a new plan for the rest",
        )


def _is_point(step: Step) -> bool:
    """Return whether hosts wait at a step of a plan; not if it is in a rescue that is skipped."""
    return step.is_barrier and step.status == "ok"


def _points(steps: Sequence[Step]) -> list[tuple[int, Step]]:
    """Return the barriers among the steps, each with the number of changes before it."""
    found: list[tuple[int, Step]] = []
    changes = 0
    for step in steps:
        if _is_point(step):
            found.append((changes, step))
        changes += step.status == "changed"
    return found


def _is_left_of(change: Change[Any], planned: Change[Any]) -> bool:
    """Return whether a change leads to the planned state, and alters nothing else than planned."""
    if (change.wanted, change.act) != (planned.wanted, planned.act):
        return False
    return all(planned.fields.get(name) == pair for name, pair in change.fields.items())


def _filled(side: Any, fresh: Any) -> Any:
    """Return a state with the sensitive hints of another one where it has none."""
    if side is None or fresh is None:
        return side
    kind = type(side)
    hints = sensitive_fields(kind).difference(compared_fields(kind))
    missing = {name: getattr(fresh, name) for name in hints if getattr(side, name) is None}
    return replace(side, **missing)


def _with_diffs(
    sending: Generator[Step, None, Sequence[PlannedChange]], diffs: Mapping[object, Diff | None]
) -> Generator[Step, None, Sequence[PlannedChange]]:
    """Yield the steps with the diffs of the plan."""
    while True:
        try:
            step = next(sending)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]  # what `sending` returns
        yield replace(step, diff=diffs.get(_key(step)))


def _key(step: Step) -> object:
    return str(step.target), step.target.doing, step.because
