"""The state of a rollout: what all its events together have made of the hosts."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from functools import singledispatchmethod
from typing import Literal

from cookbook.rollout.events import (
    BackInService,
    BatchBegun,
    BatchEnded,
    Begun,
    CommandGiven,
    Continued,
    Drained,
    Ended,
    Event,
    Finished,
    GateAsked,
    GatePassed,
    GivenUp,
    HostInterrupted,
    Looked,
    Retried,
    Reverting,
    StageEnded,
    Status,
    Stopped,
    TriedAgain,
)
from cookbook.rollout.plan import RolloutPlan, Stage

HostPhase = Literal[
    "waiting",
    "working",
    "done",
    "failed",
    "unreachable",
    "reverting",
    "reverted",
    "revert-failed",
    "outside",
]
"""`outside` is a host of a group that is not rolled out now."""

AT_WORK = frozenset[HostPhase]({"working", "reverting"})


@dataclass
class RolloutHost:
    """A host during a rollout."""

    phase: HostPhase = "waiting"
    healthy: bool | None = None
    """The last answer; None if it was not asked yet."""

    looked: float | None = None
    """When it was asked."""

    runs: list[str] = field(default_factory=list)
    """The runs that may have changed it, in order."""

    controllers: dict[str, str] = field(default_factory=dict)
    """By run: the machine that has its journal."""

    changed: bool = False
    """True if one of these may have changed something."""

    served: bool = True
    """True if it was in service when its work began."""

    in_service: bool = True
    """False from its beginning until it is done: it may be out of the balancer."""

    interrupted: bool = False
    """True if the controller ended while it worked on the host."""

    drained_seconds: float | None = None
    """The time that its last `drain` took; None if there was none since it was begun."""

    enabled_seconds: float | None = None
    """The time that its last `enable` took; None if there was none since it was begun."""

    reason: str = ""
    since: float = 0.0
    order: int = 0
    """Its place among the hosts that were begun."""


class RolloutState:
    """A rollout as it stands; only `apply` changes it."""

    def __init__(self, plan: RolloutPlan, out_of_service: Collection[str] = ()) -> None:
        """Create the state; hosts `out_of_service` were left so by an earlier rollout."""
        self.plan = plan
        self.hosts = {host: RolloutHost() for host in plan.hosts}
        for stage in plan.stages:
            self.hosts |= {host: RolloutHost("outside") for host in stage.others}
        for host in self.hosts.keys() & {*out_of_service}:
            self.hosts[host].in_service = False
        self.stage = 0
        self.batch = 0
        self.begun = False
        """True if the batch has begun."""

        self.again: tuple[str, ...] | None = None
        """The hosts of the extra batch at the end of a stage."""

        self.paused = False
        self.stopped: Stopped | None = None
        self.reverting: tuple[str, ...] | None = None
        self.finished: Status | None = None
        self.passed: dict[tuple[int, int], str] = {}
        self.asked: tuple[int, int] | None = None
        self.revert_all = False
        """True if an operator wants all hosts reverted."""

        self.forgiven: set[str] = set()
        """Hosts whose failure counts no more, because an operator has seen it."""
        self.moved = 0.0
        """When a host was begun or has ended last."""
        self.last_begun = 0.0
        self._begun = 0

    @singledispatchmethod
    def apply(self, event: Event) -> None:
        """Change the state by an event."""
        raise NotImplementedError(event)

    @apply.register
    def _(self, event: Looked) -> None:
        state = self.hosts[event.host]
        state.healthy, state.looked = event.healthy, event.at
        if not event.healthy and state.phase in ("waiting", "done", "reverted"):
            state.reason = event.reason

    @apply.register
    def _(self, event: BatchBegun) -> None:
        self.begun = True
        self.moved = event.at

    @apply.register
    def _(self, event: Begun) -> None:
        state = self.hosts[event.host]
        state.phase = "working" if event.work == "update" else "reverting"
        state.served = state.in_service and not state.interrupted
        state.since, state.reason, state.in_service = event.at, "", False
        state.drained_seconds = state.enabled_seconds = None
        if event.work == "update":
            state.runs.append(event.run)
            state.controllers[event.run] = event.controller
        if state.interrupted:
            state.interrupted = False
            return  # its turn and its place are those of the first time
        self._begun += 1
        state.order = self._begun
        self.moved = self.last_begun = event.at

    @apply.register
    def _(self, event: Drained) -> None:
        self.hosts[event.host].drained_seconds = event.seconds

    @apply.register
    def _(self, event: BackInService) -> None:
        self.hosts[event.host].enabled_seconds = event.seconds

    @apply.register
    def _(self, event: TriedAgain) -> None:
        self.hosts[event.host].reason = event.reason

    @apply.register
    def _(self, event: Ended) -> None:
        state = self.hosts[event.host]
        if event.work == "update":
            state.phase = event.outcome
            state.changed |= event.changed
        else:
            state.phase = "reverted" if event.outcome == "done" else "revert-failed"
            if event.outcome == "done":
                state.runs, state.changed = [], False
        state.healthy = event.outcome == "done"
        as_it_was = event.outcome == "unreachable" and state.served
        state.in_service = state.healthy or as_it_was
        if event.in_service is not None:
            state.in_service = event.in_service
        state.reason, state.looked = event.reason, event.at
        self.moved = event.at

    @apply.register
    def _(self, event: HostInterrupted) -> None:
        state = self.hosts[event.host]
        state.interrupted = True
        state.changed |= event.changed

    @apply.register
    def _(self, event: Continued) -> None:
        self.moved += event.pause

    @apply.register
    def _(self, _event: BatchEnded) -> None:
        self.begun, self.asked = False, None
        self.batch += 1

    @apply.register
    def _(self, event: Retried) -> None:
        self.again, self.begun = event.hosts, True
        for host in event.hosts:
            self.hosts[host].phase = "waiting"
        self.moved = event.at

    @apply.register
    def _(self, _event: StageEnded) -> None:
        self.stage += 1
        self.batch, self.again, self.begun = 0, None, False

    @apply.register
    def _(self, event: GateAsked) -> None:
        self.asked = (event.stage, event.batch)

    @apply.register
    def _(self, event: GatePassed) -> None:
        self.passed[event.stage, event.batch], self.asked = event.by, None
        self.moved = event.at

    @apply.register
    def _(self, event: CommandGiven) -> None:
        match event.command:
            case "pause":
                self.paused = True
            case "promote":
                if self.asked is not None:
                    self.passed[self.asked], self.asked = event.by, None
                    self.moved = event.at
            case "resume":
                self.paused = False
                self.moved = event.at
                if self.stopped is not None and self.reverting is None:
                    self._forgive()
            case "abort":
                self._leave_interrupted()
                self.paused = False
                self.stopped = Stopped(f"aborted by {event.by}", failed=False, at=event.at)
            case "revert":
                self._revert_all(event)

    @apply.register
    def _(self, event: Stopped) -> None:
        self.stopped = event

    @apply.register
    def _(self, event: Reverting) -> None:
        self.reverting = event.hosts
        self.finished = None
        self.moved = event.at

    @apply.register
    def _(self, event: GivenUp) -> None:
        self.hosts[event.host].phase = "revert-failed"
        self.hosts[event.host].reason = event.reason

    @apply.register
    def _(self, event: Finished) -> None:
        self.finished = event.status

    def _revert_all(self, event: CommandGiven) -> None:
        self._leave_interrupted()
        self.paused, self.finished, self.revert_all = False, None, True
        if self.stopped is None:
            self.stopped = Stopped(f"reverted by {event.by}", failed=False, at=event.at)
        for state in self.hosts.values():
            if state.phase == "revert-failed":
                state.phase = "failed"

    def _leave_interrupted(self) -> None:
        """Do not begin updates again that a controller has left, as an operator has decided."""
        for state in self.hosts.values():
            if state.interrupted and state.phase == "working":
                state.phase, state.interrupted, state.healthy = "failed", False, False
                state.reason = "the controller ended meanwhile"

    def _forgive(self) -> None:
        """Go on after a stop: the failed hosts of the batch get another turn."""
        self.stopped = self.finished = None
        for name, state in self.hosts.items():
            if state.phase == "failed":
                self.forgiven.add(name)
        for host in self.current:
            if self.hosts[host].phase in ("failed", "unreachable"):
                self.forgiven.discard(host)
                self.hosts[host].phase = "waiting"

    @property
    def at_work(self) -> list[str]:
        """The hosts that are at work."""
        return [host for host, state in self.hosts.items() if state.phase in AT_WORK]

    @property
    def pending(self) -> list[str]:
        """The hosts that still have to be rolled out: not reached, failed, or never begun."""
        return [
            host
            for host, state in self.hosts.items()
            if state.phase in ("waiting", "unreachable", "failed")
        ]

    @property
    def to_do(self) -> list[str]:
        """The hosts that may still be begun: pending ones, and those whose work was left."""
        return [
            host
            for host, state in self.hosts.items()
            if state.phase in ("waiting", "unreachable", "failed", "working")
        ]

    def healthy(self, stage: Stage) -> list[str]:
        """Return the hosts of a group that are healthy and in service."""
        return [
            host
            for host in stage.members
            if self.hosts[host].healthy and self.hosts[host].in_service
        ]

    @property
    def current(self) -> tuple[str, ...]:
        """The hosts of the batch."""
        if self.again is not None:
            return self.again
        if self.stage < len(self.plan.stages):
            stage = self.plan.stages[self.stage]
            if self.batch < len(stage.batches):
                return stage.batches[self.batch].hosts
        return ()
