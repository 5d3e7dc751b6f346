"""Do just what a saved plan says, on one host, or refuse."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace

from cookbook.chain import Item, Link, Result, Sent, Verdict, cut_off
from cookbook.engine import Step
from cookbook.errors import HostError, Refused
from cookbook.judge import Judge
from cookbook.questions import guard
from cookbook.resource import Resource
from cookbook.transport import Interrupted, TooSlow
from cookbook.wire import Guard


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
        judge: Judge,
        working: Callable[[Resource], object] = lambda _: None,
    ) -> None:
        """`steps` are the plan's; of those that are unknown, nothing is done but to name them."""
        self._planned = [step for step in steps if step.status == "changed"]
        self._others = [step for step in steps if step.status != "changed"]
        self._judge = judge
        self._working = working
        self._guards: dict[int, Guard] = {}
        self._tries: Counter[int] = Counter()
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
        todo = list(zip(self._planned, verdicts, strict=True))
        while todo and not self.failed:
            done = yield from self._send(todo)
            todo = todo[done:]
        for planned, _ in todo:
            yield replace(planned, status="not-run", diff=None)
        yield from self._others

    def _verdict(self, step: Step) -> Verdict:
        item = Item(step.declared, step.target, step.because)
        return Verdict(item, "change", step.provider, step.change, self._judge.probes([item]))

    def _fits(self, step: Step, verdict: Verdict) -> bool:
        """Whether the host gives the answers that the change was made from."""
        # The same as the file's, and with the questions that the file does not hold.
        self._guards[id(step)] = now = guard(verdict.probes, self._judge.answers)
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

    def _send(self, todo: Sequence[tuple[Step, Verdict]]) -> Generator[Step, None, int]:
        """One chain; how many of the changes are done with."""
        links = [(Link([], [verdict]), self._guards[id(step)]) for step, verdict in todo]
        sent = [Sent.guarded(link, by) for link, by in links]
        asked = [probe for _, verdict in todo for probe in verdict.probes]
        try:
            results = self._judge.send(sent, asked, self._working)
        except (Interrupted, TooSlow) as error:
            known = {id(v): how for v, how in cut_off(sent, error.outcomes, error)}
            for planned, verdict in todo:
                how = known.get(id(verdict), {"status": "not-run"})
                yield replace(planned, diff=None, **how)
            raise
        done = 0
        for (planned, verdict), result in zip(todo, results, strict=True):
            if result.fate == "not-reached" or self._tries_again(planned, verdict, result):
                break
            done += 1
            step = self._step(verdict, result)
            self.failed |= step.status == "failed" and not step.ignored
            yield replace(step, diff=planned.diff)
        return done

    def _tries_again(self, planned: Step, verdict: Verdict, result: Result) -> bool:
        """
        Whether a command that failed is to be sent once more, after the delay that it asks for.

        Only as it was planned: where the failure has left something behind, it is no more.
        """
        resource, tries = verdict.item.resource, self._tries[id(planned)]
        if result.fate != "failed" or tries >= resource.retries or not self._fits(planned, verdict):
            return False
        self._tries[id(planned)] += 1
        time.sleep(resource.retry_delay)
        return True

    def _step(self, verdict: Verdict, result: Result) -> Step:
        item = verdict.item
        step = Step(item.declared, "changed", verdict.change, verdict.provider, item.resource)
        step = replace(step, because=item.because, seconds=result.seconds)
        if result.fate == "surprised":
            error: HostError | None = Refused(
                f"another change of the plan surprised it: {self._moved(verdict)}",
                hint="what comes before it is done; make a new plan for the rest",
            )
        else:
            error = result.error or self._judge.left(verdict)
        if error is None:
            return step
        ignored = item.resource.ignore_failure and result.fate == "failed"
        return replace(step, status="failed", error=error, ignored=ignored)
