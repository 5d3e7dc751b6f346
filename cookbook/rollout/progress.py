"""
The state of a rollout, and what comes next: a pure machine.

`apply` takes events; `next` says what to do, and changes nothing. The state depends on the events
alone, so a rollout that was interrupted at any event goes on as if it had not been.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cookbook.rollout.events import (
    BatchBegun,
    BatchEnded,
    Event,
    Finished,
    GateAsked,
    GivenUp,
    Retried,
    Reverting,
    StageEnded,
    Status,
    Stopped,
    Work,
)
from cookbook.rollout.plan import Stage
from cookbook.rollout.state import AT_WORK, RolloutState
from cookbook.rollout.strategy import Gate
from cookbook.text.listing import named


@dataclass(frozen=True)
class WriteEvent:
    """Write an event."""

    event: Event


@dataclass(frozen=True)
class Start:
    """Begin the work on a host."""

    host: str
    work: Work


@dataclass(frozen=True)
class Look:
    """Ask these hosts if they are healthy."""

    hosts: tuple[str, ...]


@dataclass(frozen=True)
class AskGate:
    """Ask a program or a metric if a batch may begin."""

    stage: int
    batch: int
    gate: Gate


@dataclass(frozen=True)
class Wait:
    """Wait for an event; at the latest until a time, if there is one."""

    until: float | None
    why: str


@dataclass(frozen=True)
class End:
    """It is over."""

    status: Status


Action = WriteEvent | Start | Look | AskGate | Wait | End


class RolloutProgress(RolloutState):
    """A rollout as it stands, and what comes next."""

    def next(self, now: float) -> Action:
        """Return what is to be done now; the same state and time always give the same."""
        for host in self.at_work:
            if self.hosts[host].interrupted:
                work: Work = "update" if self.hosts[host].phase == "working" else "revert"
                return Start(host, work)
        if self.finished is not None:
            return End(self.finished)
        if self.reverting is not None:
            return self._revert(self.reverting, now)
        if self.stopped is not None:
            return self._after_stop(self.stopped, now)
        if self.paused:
            return Wait(None, "for `cook rollout resume`: it is paused")
        if self.stage == len(self.plan.stages):
            return WriteEvent(Finished("done", at=now))
        if (why := self._too_many_failures()) is not None:
            return WriteEvent(Stopped(why, at=now))
        return self._go_on(self.plan.stages[self.stage], now)

    def _go_on(self, stage: Stage, now: float) -> Action:
        if self.again is None and self.batch == len(stage.batches):
            left = tuple(host for host in stage.hosts if self.hosts[host].phase == "unreachable")
            return WriteEvent(Retried(self.stage, left, at=now) if left else self._stage_ended(now))
        if not self.begun:
            return self._begin_batch(stage, now)
        hosts = self.current
        waiting = [host for host in hosts if self.hosts[host].phase == "waiting"]
        if waiting:
            return self._start(stage, waiting, "update", now)
        if any(self.hosts[host].phase in AT_WORK for host in hosts):
            return self._wait(stage, now, "for hosts at work")
        if self.again is not None:
            return WriteEvent(self._stage_ended(now))
        if all(self.hosts[host].phase == "unreachable" for host in hosts):
            canary = stage.batches[self.batch].canary
            places = {stage.places[host] or host for host in hosts}
            if canary or len(places) > 1:  # one host, rack or POP may be away: it is left pending
                what = "the canary" if canary else "a batch"
                why = f"no host of {what} of {stage.group} can be reached"
                return WriteEvent(Stopped(why, at=now))
        return WriteEvent(BatchEnded(self.stage, self.batch, at=now))

    def _stage_ended(self, now: float) -> Event:
        return StageEnded(self.stage, at=now)

    def _begin_batch(self, stage: Stage, now: float) -> Action:
        gate, key = stage.strategy.gate, (self.stage, self.batch)
        due = gate is not None and self.batch > 0 and (gate.each or self.batch == 1)
        if gate is not None and due and key not in self.passed:
            if gate.kind != "manual":
                return AskGate(*key, gate)
            if self.asked != key:
                return WriteEvent(GateAsked(*key, at=now))
            return Wait(None, f"for a promotion of batch {self.batch + 1} of {stage.group}")
        if (windows := stage.strategy.change_window) and not any(
            window.has(dt.datetime.fromtimestamp(now, dt.UTC)) for window in windows
        ):
            times = " or ".join(window.written for window in windows)
            return Wait(now + 30.0, f"for the change window: {times}")
        return WriteEvent(BatchBegun(*key, at=now))

    def _start(self, stage: Stage, waiting: Sequence[str], work: Work, now: float) -> Action:
        """Return the beginning of a host, or what has to be waited for."""
        strategy = stage.strategy
        size = len(self.current) if work == "update" else len(stage.hosts)
        most = max(1, strategy.max_parallel.at_most(size))
        busy = [host for host in stage.hosts if self.hosts[host].phase in AT_WORK]
        if len(busy) >= most:
            return self._wait(stage, now, "for hosts at work")
        if busy and now < (due := self.last_begun + strategy.stagger):
            return Wait(due, "for the pause between two hosts")
        if stale := self._stale(stage, now):
            return Look(stale)
        for host in waiting:
            if self._may_begin(stage, host, busy):
                return Start(host, work)
        if busy:
            return self._wait(stage, now, "for hosts at work")
        if now >= (end := self.moved + strategy.progress_deadline):
            return self._no_progress(stage, waiting, work, now)
        return Wait(
            min(end, self._next_look(stage, now)), f"for healthy hosts: {self._count(stage)}"
        )

    def _stale(self, stage: Stage, now: float) -> tuple[str, ...]:
        """Return the hosts that have to be asked before the healthy ones are counted."""
        if stage.strategy.min_healthy.number == 0:
            return ()
        oldest = now - stage.strategy.check_interval
        return tuple(
            host
            for host in stage.members
            if self.hosts[host].phase not in AT_WORK
            and ((looked := self.hosts[host].looked) is None or looked <= oldest)
        )

    def _next_look(self, stage: Stage, now: float) -> float:
        looked = [self.hosts[host].looked or now for host in stage.members]
        return max(now, min(looked)) + stage.strategy.check_interval

    def _may_begin(self, stage: Stage, host: str, busy: Sequence[str]) -> bool:
        """Return True if a host may be taken out of service now."""
        place = stage.places[host]
        if place and sum(stage.places[one] == place for one in busy) >= stage.strategy.spread_max:
            return False
        healthy = self.healthy(stage)
        return host not in healthy or len(healthy) - 1 >= self._wanted(stage)

    def _wanted(self, stage: Stage) -> int:
        return stage.strategy.min_healthy.at_least(len(stage.members))

    def _count(self, stage: Stage) -> str:
        return (
            f"{len(self.healthy(stage))} of {len(stage.members)} hosts of {stage.group} are"
            f" healthy, and {self._wanted(stage)} must be left"
        )

    def _no_progress(self, stage: Stage, waiting: Sequence[str], work: Work, now: float) -> Action:
        why = f"min_healthy: {self._count(stage)}"
        if work == "revert":
            return WriteEvent(GivenUp(waiting[0], why, at=now))
        return WriteEvent(Stopped(why, at=now))

    def _wait(self, stage: Stage, now: float, why: str) -> Action:
        """Wait for hosts at work; stop if none has ended for too long."""
        end = self.moved + stage.strategy.progress_deadline
        if now < end or self.stopped is not None:
            return Wait(end if now < end else None, why)
        hosts = ", ".join(self.at_work)
        return WriteEvent(Stopped(f"no progress within progress_deadline: {hosts} at work", at=now))

    def _too_many_failures(self) -> str | None:
        """Return why the rollout stops; None if the failures are within the limits."""
        failed = {
            host
            for host, state in self.hosts.items()
            if state.phase == "failed" and host not in self.forgiven
        }
        if not failed:
            return None
        in_all = self.plan.max_failures_in_all.at_most(len(self.plan.hosts))
        if len(failed) > in_all:
            return f"{_hosts(failed)} failed in all, at most {in_all} may"
        stage, hosts = self.plan.stages[self.stage], self.current
        canary = self.again is None and stage.batches[self.batch].canary if hosts else False
        most = 0 if canary else stage.strategy.max_failures.at_most(len(hosts))
        here = failed & {*hosts}
        if len(here) > most:
            what = "canary" if canary else "batch"
            return f"{_hosts(here)} failed in the {what} of {stage.group}, at most {most} may"
        return None

    def _after_stop(self, stopped: Stopped, now: float) -> Action:
        if self.at_work:
            return Wait(None, "for hosts at work")
        revert = "none"
        if self.revert_all:
            revert = "all"
        elif stopped.failed and self.stage < len(self.plan.stages):
            revert = self.plan.stages[self.stage].strategy.auto_revert
        hosts = tuple(self._to_revert(self._last_batch() if revert == "batch" else None))
        if revert != "none" and hosts:
            return WriteEvent(Reverting(hosts, at=now))
        if self.revert_all:
            return WriteEvent(Finished("reverted", at=now))
        return WriteEvent(Finished("stopped" if stopped.failed else "aborted", at=now))

    def _last_batch(self) -> set[str]:
        """Return the hosts of the batch that has begun last: a gate judges the one before it."""
        if self.begun or self.batch == 0:
            return {*self.current}
        return {*self.plan.stages[self.stage].batches[self.batch - 1].hosts}

    def _to_revert(self, among: set[str] | None) -> Iterator[str]:
        """Yield the hosts with runs to undo: failed ones first, then the last begun first."""
        found = [
            (state.phase in ("done", "waiting"), -state.order, host)
            for host, state in self.hosts.items()
            if state.runs
            and state.changed
            and state.phase != "revert-failed"
            and (among is None or host in among)
        ]
        yield from (host for _, _, host in sorted(found))

    def _revert(self, hosts: Sequence[str], now: float) -> Action:
        ended = ("reverted", "revert-failed")
        left = [host for host in hosts if self.hosts[host].phase not in ended]
        if self.paused:
            return Wait(None, "for `cook rollout resume`: it is paused")
        waiting = [host for host in left if self.hosts[host].phase not in AT_WORK]
        if waiting:
            stage = self.plan.stage_of(waiting[0])
            same = [host for host in waiting if host in stage.places]
            return self._start(stage, same, "revert", now)
        if left:
            return Wait(None, "for hosts at work")
        if self.revert_all and (more := tuple(self._to_revert(None))):
            return WriteEvent(Reverting((*hosts, *more), at=now))
        wrong = any(self.hosts[host].phase == "revert-failed" for host in hosts)
        return WriteEvent(Finished("revert-failed" if wrong else "reverted", at=now))


def _hosts(names: set[str]) -> str:
    """Return the beginning of a list of hosts, for a sentence."""
    return named(sorted(names), 5)
