"""Change sets: independent changes that are sent as one batch and verified."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace

from cookbook.applying.batch import Notes, Result, Sent, cut_off, fate_of, no_notes
from cookbook.applying.executor import Executor
from cookbook.errors import LockedOut, ProbeError
from cookbook.hosts.probing import guard
from cookbook.language.resource import Resource
from cookbook.planning.decision import Decision
from cookbook.planning.planner import Planner
from cookbook.planning.step import Listener, Permission, Permit, Step, diff_of, step_of
from cookbook.planning.transaction import Transaction
from cookbook.script.program import Guard
from cookbook.transport.contract import Interrupted, TooSlow


@dataclass
class ChangeSet:
    """The sender of changes to one host; it collects whether one of them failed."""

    executor: Executor
    listener: Listener = field(default_factory=Listener)
    notes: Notes = no_notes
    permit: Permit | None = None
    """Called before a change is sent, to allow or refuse it; None allows all."""

    again: Callable[[Decision], bool] = lambda _: False
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

    def _guards(self, links: Sequence[Transaction]) -> list[Guard]:
        """Return the preconditions of changes that were planned from the latest answers."""
        asked = [[probe for v in link.changes for probe in v.probes] for link in links]
        return [guard(probes, self._planner.answers) for probes in asked]

    def work_off(
        self, decisions: Sequence[Decision], judge_anew: Callable[[Decision], Decision]
    ) -> Iterator[Step]:
        """
        Send changes until all are made or one fails; yield their steps.

        A change whose precondition did not hold is decided again by `decide_again`, and sent again.
        Raises ProbeError if the host gives a different answer each time.
        """
        todo, surprises = list(decisions), 0
        while todo := (yield from self._permitted(todo)):
            links = _links(todo)
            left = yield from self.send(links, self._guards(links))
            surprises = surprises + 1 if len(left) == len(todo) else 0
            if surprises == PATIENCE:
                raise fickle(todo[0].item.resource)
            todo = []
            for decision in left if self.failed else map(judge_anew, left):
                self.failed |= decision.status == "failed"
                if decision.status == "change" and not self.failed:
                    todo.append(decision)
                elif decision.status == "change":
                    yield replace(step_of(decision), status="not-run")
                else:
                    yield step_of(decision)

    def _permitted(self, decisions: Sequence[Decision]) -> Generator[Step, None, list[Decision]]:
        """Return the changes that are permitted; none if one of them was refused with an error."""
        allowed: list[Decision] = []
        for decision in decisions:
            match self._asked(decision):
                case "go":
                    allowed.append(decision)
                case "skip":
                    yield step_of(replace(decision, status="skipped", change=None))
                case "stop":
                    yield replace(step_of(decision), status="not-run")
                case error:
                    self.failed = True
                    yield step_of(replace(decision, status="failed", change=None, error=error))
        if not self.failed:
            return allowed
        yield from (replace(step_of(decision), status="not-run") for decision in allowed)
        return []

    def _asked(self, decision: Decision) -> Permission:
        self.stopped |= self.stopping()
        if self.failed or self.stopped:
            return "stop"
        said = "go" if self.permit is None else self.permit(step_of(decision), False)
        self.stopped = said == "stop"
        return said

    def send(
        self, links: Sequence[Transaction], guards: Sequence[Guard]
    ) -> Generator[Step, None, Sequence[Decision]]:
        """
        Send one batch; yield a step for each change that was made or failed, return the others.

        If a precondition did not hold, its change is the first of those that are returned.
        Raises Interrupted or TooSlow, after the steps that are known then.
        """
        together = self._together(links)
        links, rest = links[:together], links[together:]
        later = [decision for link in rest for decision in link.changes]
        pairs = zip(links, guards, strict=False)
        sent = [Sent.guarded(link, by, self.notes) for link, by in pairs]
        decisions = [decision for link in links for decision in link.changes]
        asked = [probe for decision in decisions for probe in decision.probes]
        try:
            results = self.executor.send(sent, asked, self.listener)
        except (Interrupted, TooSlow) as lost:
            known = {id(v): how for v, how in cut_off(sent, lost.outcomes, lost)}
            for decision in [*decisions, *later]:
                how = known.get(id(decision), {"status": "not-run"})
                yield replace(step_of(decision), **how)
            raise
        except LockedOut as cut:
            self.failed = True
            yield from (replace(step_of(v), status="failed", error=cut) for v in decisions)
            yield from (replace(step_of(v), status="not-run") for v in later)
            raise
        left: list[Decision] = []
        for link, result in zip(links, results, strict=True):
            tried = result.fate == "failed" and self.again(link.changes[0])
            if tried or result.fate in ("surprised", "not-reached") or self._undone(link, result):
                self.surprised |= result.fate == "surprised"
                left += link.changes
            else:
                yield from self._verify(link, result)
        return [*left, *later]

    def _verify(self, link: Transaction, result: Result) -> Iterator[Step]:
        """Yield the step of each change of a transaction, by the answers after it."""
        texts = result.texts or [None] * len(link.changes)
        for decision, text in zip(result.learned(link), texts, strict=True):
            state, differs = self._planner.left(decision)
            alone = len(link.changes) == 1
            error = result.error if alone or differs is not None else None
            error = error or differs
            ignored = error is not None and decision.item.resource.ignore_failure
            self.failed |= error is not None and not ignored
            yield replace(
                step_of(decision),
                status="changed" if error is None else fate_of(error),
                diff=diff_of(decision, text),
                error=error,
                ignored=ignored,
                seconds=result.seconds / len(link.changes),
                left=state,
            )

    def _together(self, links: Sequence[Transaction]) -> int:
        """Return the number of leading transactions for one batch; risky ones are sent alone."""
        risks = [self.executor.risk(link.changes[0]) != "no" for link in links]
        return next((i for i, risk in enumerate(risks) if risk != risks[0]), len(risks))

    def _undone(self, link: Transaction, result: Result) -> bool:
        """Return whether the connection was lost before the changes were made."""
        lost = result.fate == "lost"
        return lost and any(
            self._planner.left(decision)[1] is not None for decision in link.changes
        )


def _links(decisions: Sequence[Decision]) -> list[Transaction]:
    """Return the transactions of these decisions; adjacent ones are joined if possible."""
    links: list[Transaction] = []
    for decision in decisions:
        if links and links[-1].admits(decision):
            links[-1].changes.append(decision)
        else:
            links.append(Transaction([], [decision]))
    return links


PATIENCE = 3
"""Exchanges in a row without progress after which an answer counts as unstable."""


def fickle(resource: Resource) -> ProbeError:
    """Return the error for an answer that differs each time: planning would never end."""
    return ProbeError(
        f"{resource}: the host gives another answer each time it is asked",
        hint="is something else changing it right now?",
    )
