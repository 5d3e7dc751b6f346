"""Do just what a saved plan says, on one host, or refuse."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from cookbook.chain import Item, Link, Result, Sent, Verdict, announce, read_all
from cookbook.engine import Step
from cookbook.errors import HostError, Refused
from cookbook.judge import Judge
from cookbook.questions import gather, guard
from cookbook.resource import Resource
from cookbook.session import Session


class Application:
    """
    The changes of a plan, each sent under the guard it was planned with.

    First everything is asked again: where a host no longer gives the answer that a change
    was made from, nothing at all is done there. Then the chain goes out, with the same
    guards, so that it stops where one change of the plan has surprised another.
    """

    def __init__(
        self,
        steps: Sequence[Step],
        session: Session,
        judge: Judge,
        working: Callable[[Resource], object] = lambda _: None,
    ) -> None:
        """`steps` are the plan's; those that change nothing are passed over."""
        self._planned = [step for step in steps if step.status == "changed"]
        self._session = session
        self._judge = judge
        self._working = working
        self.failed = False
        self.unfinished = False

    def steps(self) -> Iterator[Step]:
        """
        Go.

        Raises Refused before anything is changed, naming each resource that is not as it was.
        """
        verdicts = [self._verdict(step) for step in self._planned]
        self._judge.refresh([verdict.item for verdict in verdicts])
        pairs = zip(self._planned, verdicts, strict=True)
        if moved := [self._moved(v) for step, v in pairs if not self._fits(step, v)]:
            raise Refused(
                "not as it was when the plan was made:\n" + "\n".join(moved),
                hint="nothing was changed here; make the plan again, and look at it",
            )
        if verdicts:
            yield from self._send(verdicts)

    def _verdict(self, step: Step) -> Verdict:
        item = Item(step.declared, step.target, step.because)
        return Verdict(item, "change", step.provider, step.change, self._judge.probes([item]))

    def _fits(self, step: Step, verdict: Verdict) -> bool:
        """Whether the host gives the answers that the change was made from."""
        now = guard(verdict.probes, self._judge.answers)
        return step.guard is not None and now.digest == step.guard.digest

    def _moved(self, verdict: Verdict) -> str:
        """What was expected of a resource, and what was found."""
        resource, change, provider = verdict.item.resource, verdict.change, verdict.provider
        if change is None or provider is None:
            return f"{resource}: there is no change"
        try:
            found = self._judge.found(provider, resource)
        except HostError as error:
            return f"{resource}: {error}"
        return f"{resource}: expected {change.found}, found {found}"

    def _send(self, verdicts: Sequence[Verdict]) -> Iterator[Step]:
        links = [Link([], [verdict]) for verdict in verdicts]
        sent = [
            Sent.guarded(link, guard(verdict.probes, self._judge.answers))
            for link, verdict in zip(links, verdicts, strict=True)
        ]
        contents = {d: data for link in links for d, data in link.contents().items()}
        asked = gather([probe for verdict in verdicts for probe in verdict.probes])
        parts = [part for one in sent for part in one.parts]
        self._judge.outdate()
        everything = [*parts, *(question.part for question in asked)]
        outcomes = self._session.run(everything, contents, announce(sent, self._working))
        self._judge.learn(self._session.understand(asked, outcomes[len(parts) :]))
        stopped = False
        results = zip(self._planned, verdicts, read_all(sent, outcomes), strict=True)
        for planned, verdict, result in results:
            step = self._step(verdict, result, stopped=stopped)
            stopped |= step.status != "changed"
            yield replace(step, diff=planned.diff)
        self.failed = stopped

    def _step(self, verdict: Verdict, result: Result, *, stopped: bool) -> Step:
        item = verdict.item
        step = Step(item.declared, "changed", verdict.change, verdict.provider, item.resource)
        step = replace(step, because=item.because, seconds=result.seconds)
        if result.fate == "not-reached" or stopped:
            return replace(step, status="not-run")
        if result.fate == "surprised":
            error: HostError | None = Refused(
                f"another change of the plan surprised it: {self._moved(verdict)}",
                hint="what comes before it is done; make a new plan for the rest",
            )
        else:
            error = result.error or self._judge.left(verdict)
        return step if error is None else replace(step, status="failed", error=error)
