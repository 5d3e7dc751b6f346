"""Change sets: independent changes that are sent as one batch and verified."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace

from cookbook.applying.batch import (
    Notes,
    Sent,
    TransactionResult,
    cut_off,
    each_alone,
    no_notes,
)
from cookbook.applying.executor import Executor
from cookbook.errors import HostError, LockedOut, ProbeError
from cookbook.hosts.probing import precondition
from cookbook.language.resource import Resource
from cookbook.planning.decision import Decision, PlannedChange
from cookbook.planning.planner import Planner
from cookbook.planning.step import Listener, Permission, Permit, Step, step_of
from cookbook.planning.transaction import Transaction
from cookbook.script.program import Precondition
from cookbook.transport.contract import Interrupted, TooSlow


@dataclass
class ChangeSet:
    """The sender of changes to one host; it collects whether one of them failed."""

    executor: Executor
    listener: Listener = field(default_factory=Listener)
    notes: Notes = no_notes
    permit: Permit | None = None
    """Called before a change is sent, to allow or refuse it; None allows all."""

    again: Callable[[PlannedChange], bool] = lambda _: False
    """Returns whether a change whose commands have failed is to be sent once more."""

    stopping: Callable[[], bool] = lambda: False
    """Called between two exchanges; returns whether to stop."""

    failed: bool = False
    """True if a change has failed without `ignore_failure`."""

    stopped: bool = False
    """True if `stopping` or `permit` has requested a stop."""

    surprised: bool = False
    """True if a precondition did not hold."""

    @property
    def _planner(self) -> Planner:
        return self.executor.planner

    def _preconditions(self, links: Sequence[Transaction]) -> list[Precondition]:
        """Return the preconditions of changes that were planned from the latest answers."""
        asked = [[probe for one in link.changes for probe in one.probes] for link in links]
        return [precondition(probes, self._planner.answers) for probes in asked]

    def work_off(
        self,
        changes: Sequence[PlannedChange],
        decide_again: Callable[[PlannedChange], Decision],
    ) -> Iterator[Step]:
        """
        Send changes until all are made or one fails; yield their steps.

        A change whose precondition did not hold is decided again by `decide_again`, and sent again.
        Raises ProbeError if the host gives a different answer each time.
        """
        todo, surprises = list(changes), 0
        while todo := (yield from self._permitted(todo)):
            links = self.links_of(todo)
            left = yield from self.send(links, self._preconditions(links))
            surprises = surprises + 1 if len(left) == len(todo) else 0
            if surprises == PATIENCE:
                raise fickle(todo[0].resource)
            todo = []
            for decision in left if self.failed else map(decide_again, left):
                self.failed |= decision.status == "failed"
                if isinstance(decision, PlannedChange) and not self.failed:
                    todo.append(decision)
                elif isinstance(decision, PlannedChange):
                    yield _not_run(decision)
                else:
                    yield step_of(decision)

    def _permitted(
        self, changes: Sequence[PlannedChange]
    ) -> Generator[Step, None, list[PlannedChange]]:
        """Return the changes that are permitted; none if one of them was refused with an error."""
        allowed: list[PlannedChange] = []
        for planned in changes:
            match self._asked(planned):
                case "go":
                    allowed.append(planned)
                case "skip":
                    yield step_of(planned.ended("skipped", with_change=False))
                case "stop":
                    yield _not_run(planned)
                case error:
                    self.failed = True
                    yield step_of(planned.ended("failed", error, with_change=False))
        if not self.failed:
            return allowed
        yield from map(_not_run, allowed)
        return []

    def _asked(self, planned: PlannedChange) -> Permission:
        self.stopped |= self.stopping()
        if self.failed or self.stopped:
            return "stop"
        said = "go" if self.permit is None else self.permit(step_of(planned), False)
        self.stopped = said == "stop"
        return said

    def send(
        self, links: Sequence[Transaction], preconditions: Sequence[Precondition]
    ) -> Generator[Step, None, Sequence[PlannedChange]]:
        """
        Send one batch; yield a step for each change that was made or failed, return the others.

        If a precondition did not hold, its change is the first of those that are returned.
        Raises Interrupted or TooSlow, after the steps that are known then.
        """
        together = self._together(links)
        links, rest = links[:together], links[together:]
        later = [planned for link in rest for planned in link.changes]
        pairs = zip(links, preconditions, strict=False)
        sent = [Sent.under(link, by, self.notes) for link, by in pairs]
        changes = [planned for link in links for planned in link.changes]
        asked = [probe for planned in changes for probe in planned.probes]
        try:
            results = self.executor.send(sent, asked, self.listener)
        except (Interrupted, TooSlow) as lost:
            known = {id(v): how for v, how in cut_off(sent, lost.outcomes, lost)}
            for planned in [*changes, *later]:
                how = known.get(id(planned), {"status": "not-run"})
                yield replace(step_of(planned), **how)
            raise
        except LockedOut as cut:
            self.failed = True
            yield from (replace(step_of(one), status="failed", error=cut) for one in changes)
            yield from map(taken_back, earlier_ones(cut.taken_back, changes))
            yield from map(_not_run, later)
            raise
        left: list[PlannedChange] = []
        for link, result in each_alone(links, results):
            tried = result.fate == "failed" and self.again(link.changes[0])
            if tried or result.fate in ("surprised", "not-reached") or self._undone(link, result):
                self.surprised |= result.fate == "surprised"
                left += link.changes
            else:
                yield from self._verify(link, result)
        return [*left, *later]

    def links_of(self, changes: Sequence[PlannedChange]) -> list[Transaction]:
        """Return the transactions of these changes; adjacent ones are joined if possible."""
        links: list[Transaction] = []
        for planned in changes:
            if links and self.executor.admits(links[-1], planned):
                links[-1].changes.append(planned)
            else:
                links.append(Transaction([], [planned]))
        return links

    def _verify(self, link: Transaction, result: TransactionResult) -> Iterator[Step]:
        """Yield the step of each change of a transaction, by the answers after it."""
        for planned, step in self.executor.verified(link, result):
            ignored = step.error is not None and planned.resource.ignore_failure
            self.failed |= step.error is not None and not ignored
            yield replace(step, ignored=ignored)

    def _together(self, links: Sequence[Transaction]) -> int:
        """Return the number of leading transactions for one batch; risky ones are sent alone."""
        risks = [self.executor.risk(link.changes[0]) != "no" for link in links]
        return next((i for i, risk in enumerate(risks) if risk != risks[0]), len(risks))

    def _undone(self, link: Transaction, result: TransactionResult) -> bool:
        """Return whether the connection was lost before the changes were made."""
        lost = result.fate == "lost"
        return lost and any(self._planner.left(planned)[1] is not None for planned in link.changes)


def _not_run(planned: PlannedChange) -> Step:
    return replace(step_of(planned), status="not-run")


PATIENCE = 3
"""Exchanges in a row without progress after which an answer counts as unstable."""


def fickle(resource: Resource) -> ProbeError:
    """Return the error for an answer that differs each time: planning would never end."""
    return ProbeError(
        f"{resource}: the host gives another answer each time it is asked",
        hint="is something else changing it right now?",
    )


def earlier_ones(
    undone: Sequence[PlannedChange], changes: Sequence[PlannedChange]
) -> list[PlannedChange]:
    """Return those of the undone changes that are not of the last batch, in their order."""
    last = {change.item.key for change in changes}
    return [change for change in reversed(undone) if change.item.key not in last]


def taken_back(planned: PlannedChange) -> Step:
    """Return the step of a change that was reported as made, and is undone since."""
    error = HostError(
        "it was changed, and taken back: a later change locked the operator out",
        hint="the error of that change says more",
    )
    error.phase = "confirm"
    return replace(step_of(planned), status="failed", error=error, left=planned.change.found)
