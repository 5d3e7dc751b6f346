"""The work on one host of a rollout: out of service, the run, health, back into service."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cookbook.errors import CookError, HistoryError, HostError, Unreachable
from cookbook.reports.report import HostReport
from cookbook.retry import CLOCK, Clock, Retry, growing
from cookbook.rollout.acts import Acts
from cookbook.rollout.blocks import barriers_in, impossible
from cookbook.rollout.events import BackInService, Drained, Event, TriedAgain, WorkOutcome
from cookbook.rollout.health import Health, check_templates
from cookbook.rollout.strategy import Strategy
from cookbook.run.options import Run
from cookbook.run.runner import Runner, new_id
from cookbook.run.selection import EVERYTHING
from cookbook.script.shell import Command, sh
from cookbook.text.provenance import Origin, stamp
from cookbook.text.user_dirs import journals

if TYPE_CHECKING:
    from cookbook.inventory import Host, Inventory
    from cookbook.planning.step import Step
    from cookbook.reports.report import Report

_REACH = 60.0
"""Seconds for a command that does nothing, to see that a host can be reached."""

_FIRST_LOOK, _LOOKS_GROW = 0.3, 1.5
"""Seconds between two health checks after a run, at first, and how they grow."""

_QUIET = 3.0
"""Seconds that a host may need to become healthy before it is told that it is not yet."""

Tell = Callable[[Event], object]
"""Takes the events of the work on a host, in the thread that does it."""


class Result(NamedTuple):
    """The result of the work on a host."""

    outcome: WorkOutcome
    reason: str = ""
    changed: bool = False
    in_service: bool | None = None
    """True if the host is in service; None: if it is done, or as it was if not reached."""


class HostRunId(NamedTuple):
    """A run of a host, by its id in the history."""

    id: str
    here: bool
    """True if this machine has its journal, so that its absence means that nothing was done."""


@dataclass
class Worker:
    """Does the work on hosts, each in the thread that calls it."""

    inventory: Inventory
    template: Run
    """The options of each run; hosts and id are put in."""

    store: str | None
    """The URL of the history; None for the one on this machine."""

    stopping: Callable[[], bool] = lambda: False
    clock: Clock = CLOCK
    is_done: Callable[[str], bool] = lambda _: False
    """Returns whether the rollout has completed a host."""

    _history: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        groups = {name: group.hosts for name, group in self.inventory.groups.items()}
        self.acts = Acts(self.inventory.hosts, groups, self._run_on)
        self.health = Health(self._run_on, self._judged)

    def check(self, host: str, strategy: Strategy) -> None:
        """Raise UsageError for a part of the strategy that cannot be carried out for a host."""
        about = self.inventory.hosts[host]
        check_templates(about, strategy.health_check)
        self.acts.check([*strategy.drain, *strategy.enable], about)

    def complaint(self, host: str, strategy: Strategy) -> str | None:
        """Return why a host is not healthy; None if it is."""
        return self.health.complaint(self._host(host), strategy.health_check)

    def update(
        self, host: str, run: str, strategy: Strategy, tell: Tell, *, served: bool
    ) -> Result:
        """
        Bring a host to its declaration; a host that is in line already stays in service.

        `served` is False if it may be out of service: then it is put back in any case. `tell` gets
        the events on the way.
        """
        planned = self._planned(host)
        if planned.status == "unreachable":
            return Result("unreachable", _reason(planned))
        if planned.status in ("failed", "refused", "timeout", "interrupted"):
            return Result("failed", _reason(planned), in_service=served)
        about = self._host(host)
        if (waits := self._waits(host, planned)) is not None:
            return Result("failed", waits, in_service=served)
        if not any(step.status in ("changed", "unknown") for step in planned.steps):
            result = self._until_healthy(about, strategy, tell, changed=False)
            if served:
                return result._replace(in_service=True)
            return self._enabled(about, strategy, tell, result)
        if (wrong := self._drained(about, strategy, tell)) is not None:
            return wrong
        # The history orders runs by this: that of the rollout would be the same for all hosts.
        origin = replace(self.template.origin, started=stamp(time.time()))
        done = self._recorded(replace(self.template, hosts=[about], id=run, origin=origin))
        changed = any(step.status not in ("ok", "skipped", "not-run") for step in done.steps)
        if done.status not in ("ok", "changed"):
            return Result("failed", _reason(done), changed)
        result = self._until_healthy(about, strategy, tell, changed=changed)
        return self._enabled(about, strategy, tell, result)

    def _waits(self, host: str, planned: HostReport) -> str | None:
        """Return why a host may not go on alone: for a block that is not done; None if it may."""
        for barrier in barriers_in(planned):
            if (wrong := impossible(barrier)) is not None:
                return wrong
            if barrier.on != host and not self.is_done(barrier.on or ""):
                return (
                    f"{barrier.where}: `run_once` is to be done on {barrier.on} before, which this"
                    " rollout has not completed"
                )
        return None

    def revert(
        self, host: str, runs: Sequence[HostRunId], strategy: Strategy, tell: Tell
    ) -> Result:
        """Undo the runs of a host, the latest first; `tell` gets the events on the way."""
        about = self._host(host)
        if (wrong := self._drained(about, strategy, tell)) is not None:
            return wrong
        for run in reversed(runs):
            past, machine_ids, name = self._past(run.id)
            if not past.get(host):
                if run.here:
                    continue
                reason = f"run {run.id} is not in this history: another machine has its journal"
                return Result("failed", reason, changed=True)
            undo = self._undo(about)
            done = self._recorded(replace(undo, past=past, machine_ids=machine_ids, set=name))
            if done.status not in ("ok", "changed"):
                return Result("failed", _reason(done), changed=True)
        result = self._until_healthy(about, strategy, tell, changed=True)
        return self._enabled(about, strategy, tell, result)

    def _undo(self, host: Host) -> Run:
        """Return the options of an undo on a host, without what is undone."""
        return Run(
            "undo",
            (),
            [host],
            {},
            1,
            self.template.become_password,
            inventory=self.template.inventory,
            partial=True,
            id=new_id(),
            origin=Origin(),
            wait=self.template.wait,
            confirm_timeout=self.template.confirm_timeout,
            allow_lockout=self.template.allow_lockout,
            elsewhere=self.template.elsewhere,
        )

    def may_have_changed(self, host: str, run: str) -> bool:
        """Return whether a run that was interrupted has sent anything to the host."""
        return bool(self._past(run)[0].get(host))

    def _host(self, name: str) -> Host:
        return self._given(self.inventory.hosts[name])

    def _given(self, host: Host) -> Host:
        """Return a host with its passwords, if it is one of the rollout."""
        given = {one.name: one for one in self.template.hosts}
        return given.get(host.name, host)

    def _drained(self, host: Host, strategy: Strategy, tell: Tell) -> Result | None:
        """Take a host out of service; if that fails, put it back, and return the failure."""
        begun = self.clock.now()
        try:
            remark = self.acts.carry_out(strategy.drain, host, enable=False)
        except CookError as error:
            back = False
            with contextlib.suppress(CookError):  # that it was not drained is what is told
                self._put_back(host, strategy, tell)
                back = True
            reason = f"it cannot be taken out of service: {error}"
            return Result("failed", reason, in_service=back)
        if strategy.drain:
            tell(Drained(host.name, self._since(begun), remark, at=time.time()))
        return None

    def _put_back(self, host: Host, strategy: Strategy, tell: Tell) -> None:
        """Put a host back into service. Raises CookError if that fails."""
        begun = self.clock.now()
        remark = self.acts.carry_out(strategy.enable, host, enable=True)
        if strategy.enable:
            tell(BackInService(host.name, self._since(begun), remark, at=time.time()))

    def _since(self, begun: float) -> float:
        """Return the seconds since a time of the clock."""
        return round(self.clock.now() - begun, 1)

    def _enabled(self, host: Host, strategy: Strategy, tell: Tell, result: Result) -> Result:
        """Put a host back into service if its work is done."""
        if result.outcome != "done":
            return result
        try:
            self._put_back(host, strategy, tell)
        except CookError as error:
            reason = f"it cannot be put back into service: {error}"
            return Result("failed", reason, result.changed)
        return result

    def _until_healthy(
        self, host: Host, strategy: Strategy, tell: Tell, *, changed: bool
    ) -> Result:
        """Wait until a host is healthy, and stays so for `min_healthy_time`."""
        pauses = growing(_FIRST_LOOK, _LOOKS_GROW, longest=strategy.check_interval)
        within = strategy.healthy_deadline + strategy.min_healthy_time
        retry = Retry(pauses, within=within, stopping=self.stopping, clock=self.clock)
        since: float | None = None
        begun, told = self.clock.now(), None
        while True:
            said = self.health.complaint(host, strategy.health_check)
            now = self.clock.now()
            is_news = since is not None or (said != told and now - begun >= _QUIET)
            if said is not None and is_news:
                tell(TriedAgain(host.name, said, at=time.time()))
                told = said
            since = None if said is not None else (now if since is None else since)
            if since is not None and now - since >= strategy.min_healthy_time:
                return Result("done", "", changed)
            if not retry.again():
                said = said or f"it was not healthy for {strategy.min_healthy_time:g} s"
                return Result("failed", f"not healthy: {said}", changed)

    def _planned(self, host: str) -> HostReport:
        """Return the plan of a host: the saved one, or one that is made now."""
        if (saved := self.template.saved) is not None:
            try:
                self._run_on(self._host(host), sh("true"), _REACH)
            except Unreachable as error:
                return HostReport(host, "unreachable", error=error)
            return _only(saved.about([self._host(host)]))
        return self._plan(replace(self.template, mode="plan", hosts=[self._host(host)]))

    def _plan(self, run: Run) -> HostReport:
        return _only(Runner(replace(run, id=""), listeners=()).execute())

    def _judged(self, host: Host, recipe: Path) -> str | None:
        run = replace(
            self.template,
            mode="plan",
            recipes=[recipe],
            roles=False,
            hosts=[host],
            saved=None,  # else the plan of the rollout would be applied
            selection=EVERYTHING,
            set="",
        )
        report = self._plan(run)
        wrong = [step for step in report.steps if step.status not in ("ok", "skipped")]
        if report.status in ("ok", "changed") and not wrong:
            return None
        return f"{recipe.name}: {wrong[0].resource}" if wrong else _reason(report)

    def _recorded(self, run: Run) -> HostReport:
        """Do a run on one host, and keep it in the history. Raises HistoryError if it is not."""
        from cookbook.history.journal import Recorder

        recorder = Recorder(journals(self.store))
        try:
            report = _only(Runner(run, listeners=[recorder]).execute())
        finally:
            recorder.close()
            if self.store is not None:
                self._ship(self.store)
        if recorder.error is not None:  # it could not be reverted
            raise HistoryError(f"its run is not in the history, or not all: {recorder.error}")
        return report

    def _ship(self, store: str) -> None:
        """Put the run into the store at once: another machine may have to undo it."""
        from cookbook.history.store.shipping import ship

        with self._history:
            ship(store)

    def _past(self, run: str) -> tuple[Mapping[str, Sequence[Step]], Mapping[str, str], str]:
        """Return the steps of a run, which machine each host was, and the set; or nothing."""
        from cookbook.errors import UsageError
        from cookbook.history.past_steps import past_steps
        from cookbook.history.store import History

        with self._history, History.open(self.store) as history:
            try:
                document = history.document(run)
            except UsageError:
                return {}, {}, ""  # killed before anything of it was written
            return past_steps(history, run), history.machine_ids(run), document["set"]

    def _run_on(self, host: Host, command: Command, timeout: float) -> str:
        """Run a command on a host; return its output. Raises HostError if it fails."""
        from cookbook.hosts.connect import connect
        from cookbook.hosts.session import Session
        from cookbook.script.program import Do, last_lines

        session = Session(connect(self._given(host), self.template.become_password))
        try:
            outcome = session.run([Do(command, timeout)])[0]
        finally:
            session.close()
        if outcome.status != 0:
            said = last_lines(outcome.stderr, outcome.stdout)
            raise HostError(f"{host.name}: it ended with {outcome.status}: {said}")
        return outcome.text


def _only(report: Report) -> HostReport:
    (host,) = report.hosts.values()
    return host


def _reason(report: HostReport) -> str:
    """Return why a host has not come to a good end, on one line."""
    for step in report.steps:
        if step.error is not None and not step.ignored:
            return f"{step.resource}: {step.error}"
    if report.error is not None:
        return str(report.error)
    return f"its run ended as {report.status}"
