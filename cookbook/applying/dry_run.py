"""The dry run of one host: the steps that a convergence would make; only questions are sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from cookbook.applying.batch import look_at
from cookbook.applying.executor import Executor
from cookbook.applying.walk import Walk
from cookbook.hosts.probing import precondition
from cookbook.language.sections import Failures
from cookbook.planning.decision import Decision, PlannedChange
from cookbook.planning.forecast import Forecast, NoForecast
from cookbook.planning.queue import Queue
from cookbook.planning.side_effects import rehearsals
from cookbook.planning.step import Step, diff_of, step_of, with_note, with_wanted


class DryRun:
    """The dry run of the queue of a host."""

    def __init__(
        self,
        queue: Queue,
        walk: Walk,
        executor: Executor,
        failures: Failures,
        refresh: Callable[[], object],
        *,
        independent: bool = False,
    ) -> None:
        """
        Create a dry run; `refresh` probes what is in the queue.

        With `independent` each resource is judged as if it were the only one.
        """
        self._forecast = NoForecast() if independent else Forecast()
        self._queue, self._walk, self._failures = queue, walk, failures
        self._executor, self._planner = executor, executor.planner
        self._refresh = refresh
        self._handled: set[tuple[object, ...]] = set()
        """The items whose failure an attempt of the recipe handles."""

    def steps(self) -> Iterator[Step]:
        """Yield the steps that a run would make, without making them."""
        decisions: list[Decision] = []
        perhaps: dict[tuple[str, tuple[str, ...]], Decision] = {}
        while self._queue:
            self._queue.go_on()
            self._refresh()
            for decision in self._walk.decisions(self._forecast):
                decisions.append(decision)
                if decision.status == "failed" and not decision.item.resource.ignore_failure:
                    handled = self._failures.add(self._queue.sections(decision.item)) is not None
                    self._handled |= {decision.item.key} if handled else set()
                if isinstance(decision, PlannedChange):
                    self._queue.remember(decision, at_once=False)
                elif decision.status == "unknown":
                    told = self._queue.perhaps_later(decision)
                    perhaps = {_asked_for(other): other for other in told} | perhaps
            self._queue.queue = []
        certain = {_asked_for(decision) for decision in decisions if decision.item.because}
        decisions += [decision for key, decision in perhaps.items() if key not in certain]
        yield from self.with_diffs(decisions)

    def with_diffs(self, decisions: Sequence[Decision]) -> Iterator[Step]:
        """Yield the steps of decisions, with their diffs, in one exchange."""
        looks = {i: look for i, v in enumerate(decisions) if (look := look_at(v))}
        asked = {one.numbers[0]: one for one in rehearsals(decisions)}
        questions = [one.question for one in asked.values()]
        read = self._planner.read([*looks.values(), *filter(None, questions)])
        beside = self._executor.beside(decisions)
        seen = dict(zip(looks, read, strict=False))
        said = dict(zip(asked, read[len(looks) :], strict=True))
        for i, decision in enumerate(decisions):
            step = step_of(decision)
            if i in asked:
                step = with_note(step, asked[i].remark(said[i]))
            if step.status == "failed" and decision.item.key in self._handled:
                step = replace(step, ignored=True)
            if step.status == "changed":
                by = precondition(decision.probes, self._planner.answers)
                step = replace(step, precondition=by, parallel=beside.get(decision.item.key, ()))
            yield with_wanted(replace(step, diff=diff_of(decision, seen.get(i))), decision)


def _asked_for(decision: Decision) -> tuple[str, tuple[str, ...]]:
    return str(decision.item.resource), decision.item.resource.doing
