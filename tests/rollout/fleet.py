"""A fleet that is played: random groups, outcomes and failures, with a time of its own."""

from __future__ import annotations

import heapq
import random
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from cookbook.rollout.events import (
    Begun,
    CommandGiven,
    Continued,
    Ended,
    Event,
    GatePassed,
    HostInterrupted,
    Looked,
    Stopped,
    Work,
    WorkOutcome,
    event_json,
    read_event,
)
from cookbook.rollout.plan import RolloutPlan, Stage, plan
from cookbook.rollout.progress import AskGate, End, Look, RolloutProgress, Start, Wait, WriteEvent
from cookbook.rollout.strategy import ALL, NONE, Amount, Gate, Rollouts, Strategy

BEGIN = 1_790_000_000.0
"""A time in 2026, in seconds since 1970."""


@dataclass
class Fleet:
    """What a rollout is about, and what will happen to each host."""

    plan: RolloutPlan
    outcomes: Mapping[str, WorkOutcome]
    reverts: Mapping[str, bool]
    seconds: Mapping[str, float]
    down: frozenset[str]
    """Hosts that are not healthy, and do not become so unless they are updated."""

    gates: Mapping[tuple[int, int], bool]


def random_fleet(seed: int) -> Fleet:
    """Return the fleet of a seed."""
    dice = random.Random(seed)  # noqa: S311 - to be repeated
    names = [f"g{i}" for i in range(dice.randint(1, 3))]
    groups = {name: [f"{name}-{i}" for i in range(dice.randint(1, 8))] for name in names}
    dice.shuffle(names)
    strategies = {
        name: _strategy(dice, [one for one in names[:place] if dice.random() < 0.6])
        for place, name in enumerate(names)
    }
    shuffled = dict(dice.sample(list(strategies.items()), len(strategies)))
    in_all = dice.choice([ALL, Amount(1), Amount(20, percent=True)])
    hosts = {host: {"rack": dice.choice("abc")} for hosts in groups.values() for host in hosts}
    rolled = {host: told for host, told in hosts.items() if dice.random() < 0.9}
    rollouts = Rollouts(shuffled, dict.fromkeys(shuffled, "rollout.yml:1"), in_all)
    quiet = dice.random() < 0.3
    bad = 0.0 if quiet else dice.choice([0.05, 0.3, 0.8])
    return Fleet(
        plan(rollouts, groups, rolled),
        {h: dice.choice(["failed", "unreachable"]) if dice.random() < bad else "done"
         for h in hosts},
        {h: dice.random() < 0.9 for h in hosts},
        {h: dice.uniform(0.5, 20) for h in hosts},
        frozenset(h for h in hosts if dice.random() < dice.choice([0, 0, 0.15, 0.5])),
        {(s, b): dice.random() < 0.8 for s in range(3) for b in range(10)},
    )  # fmt: skip


def _strategy(dice: random.Random, after: list[str]) -> Strategy:
    def amount(*numbers: int) -> Amount:
        if dice.random() < 0.5:
            return Amount(dice.choice(numbers))
        return Amount(dice.choice([10, 25, 50, 80, 100]), percent=True)

    gates = [None, None, None, Gate(), Gate(each=True), Gate("script", ("x",), each=True)]
    return Strategy(
        after=after,
        canary=dice.choice([NONE, NONE, Amount(1), Amount(2)]),
        batches=tuple(amount(1, 2, 3) for _ in range(dice.randint(1, 3))),
        max_parallel=dice.choice([ALL, Amount(1), Amount(2), Amount(50, percent=True)]),
        min_healthy=dice.choice([NONE, amount(1, 2, 3), Amount(80, percent=True)]),
        max_failures=dice.choice([NONE, NONE, amount(1, 2)]),
        stagger=dice.choice([0.0, 0.0, 3.0]),
        progress_deadline=dice.choice([15.0, 100.0]),
        check_interval=5.0,
        spread=dice.choice(["", "rack"]),
        spread_max=dice.choice([1, 2]),
        gate=dice.choice(gates),
        auto_revert=dice.choice(["none", "batch", "all"]),
    )


@dataclass
class Play:
    """One rollout over a fleet, watched by an own record of what is true."""

    fleet: Fleet
    interrupt_at: Collection[int] = ()
    """The numbers of the events after which the controller is killed."""

    orders: Mapping[int, CommandGiven] = field(default_factory=dict)
    """What an operator says after an event."""

    events: list[Event] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    """The promises that were broken."""

    def __post_init__(self) -> None:
        self.now = BEGIN
        self.progress = RolloutProgress(self.fleet.plan)
        self.in_service = {h for stage in self.fleet.plan.stages for h in stage.members}
        self.healthy = self.in_service - self.fleet.down
        self.at_work: dict[str, Work] = {}
        self.ended: dict[str, str] = {}
        self.begun_at = dict.fromkeys((stage.group for stage in self.fleet.plan.stages), -1e9)
        self.due: list[tuple[float, str]] = []
        self.has_stopped = False

    def run(self) -> Play:  # noqa: C901 - one case for each action
        """Play it to its end."""
        for _ in range(20_000):
            action = self.progress.next(self.now)
            if action != self.progress.next(self.now):
                self.wrong.append(f"two answers to one question: {action}")
            match action:
                case End():
                    return self
                case WriteEvent(event):
                    self.has_stopped |= isinstance(event, Stopped)
                    self.commit(event)
                case Start(host, work):
                    self.start(host, work)
                case Look(hosts):
                    for host in hosts:
                        self.commit(Looked(host, host in self.healthy, at=self.now))
                case AskGate(stage, batch, _):
                    if self.fleet.gates[stage, batch]:
                        self.commit(GatePassed(stage, batch, "script", at=self.now))
                    else:
                        self.has_stopped = True
                        self.commit(Stopped("the gate says no", at=self.now))
                case Wait(until, _):
                    self.wait(until)
        raise AssertionError("no end")

    def wait(self, until: float | None) -> None:
        """Let time pass until a host ends, or the machine wants to be asked again."""
        if self.due and (until is None or self.due[0][0] <= until):
            self.now, host = heapq.heappop(self.due)
            self.end(host)
        elif until is not None:
            if until <= self.now:
                self.wrong.append("it waits for the past")
            self.now = max(until, self.now + 0.001)
        elif self.progress.paused:
            self.commit(CommandGiven("resume", "ann", at=self.now))
        elif self.progress.asked is not None:
            if self.fleet.gates[self.progress.asked]:
                self.commit(CommandGiven("promote", "ann", at=self.now))
            else:
                self.has_stopped = True
                self.commit(CommandGiven("abort", "ann", at=self.now))
        else:
            raise AssertionError("it waits for nothing")

    def commit(self, event: Event) -> None:
        """Write an event; perhaps the controller is killed right after that."""
        self.events.append(event)
        self.progress.apply(event)
        if (order := self.orders.get(len(self.events))) is not None:
            self.has_stopped |= order.command in ("abort", "revert")
            self.events.append(order)
            self.progress.apply(order)
        if len(self.events) in self.interrupt_at:
            self.progress = RolloutProgress(self.fleet.plan)
            for one in self.events:
                self.progress.apply(read_event(event_json(one)))
            again: list[Event] = [Continued(0.0, at=self.now)]
            for host in self.progress.at_work:
                changed = self.at_work[host] == "revert" or self._changes(host)
                again.append(HostInterrupted(host, changed, at=self.now))
            for one in again:
                self.events.append(one)
                self.progress.apply(one)

    def start(self, host: str, work: Work) -> None:
        """Begin a host, and check each promise first."""
        if host in self.at_work:  # the controller was killed meanwhile: the same work goes on
            if self.at_work[host] != work:
                self.wrong.append(f"{host}: {self.at_work[host]} became {work}")
        else:
            self.check(host, work)
            self.at_work[host] = work
            self.in_service.discard(host)
            self.ended.pop(host, None)
            self.begun_at[self.fleet.plan.stage_of(host).group] = self.now
            heapq.heappush(self.due, (self.now + self.fleet.seconds[host], host))
        self.commit(Begun(host, work, f"run-{host}", at=self.now))

    def check(self, host: str, work: Work) -> None:
        """Compare a beginning with the promises of the strategy, from what is true."""
        stage = self.fleet.plan.stage_of(host)
        strategy = stage.strategy
        available = {h for h in stage.members if h in self.in_service and h in self.healthy}
        wanted = strategy.min_healthy.at_least(len(stage.members))
        if host in available and len(available) - 1 < wanted:
            self.wrong.append(f"{host}: {len(available) - 1} left, {wanted} wanted")
        busy = [h for h in stage.hosts if h in self.at_work]
        place = stage.places[host]
        if place and sum(stage.places[h] == place for h in busy) >= strategy.spread_max:
            self.wrong.append(f"{host}: too many of {place} at work")
        if busy and self.now - self.begun_at[stage.group] < strategy.stagger - 1e-6:
            self.wrong.append(f"{host}: no pause")
        if work == "update":
            self.check_update(host, stage, busy)
        elif not self.has_stopped:
            self.wrong.append(f"{host}: reverted without a reason")

    def check_update(self, host: str, stage: Stage, busy: list[str]) -> None:
        """Check order and budget of an update."""
        if self.has_stopped:
            self.wrong.append(f"{host}: begun after a stop")
        for other in self.fleet.plan.stages:
            if other.group in stage.strategy.after and not {*other.hosts} <= self.ended.keys():
                self.wrong.append(f"{host}: {other.group} is not complete")
        number = next(i for i, batch in enumerate(stage.batches) if host in batch.hosts)
        retried = self.progress.again is not None
        hosts = self.progress.again or stage.batches[number].hosts
        most = max(1, stage.strategy.max_parallel.at_most(len(hosts)))
        if len(busy) >= most:
            self.wrong.append(f"{host}: {len(busy)} at work already")
        for batch in stage.batches[:number]:
            if not retried and not {*batch.hosts} <= self.ended.keys():
                self.wrong.append(f"{host}: the batch before is not complete")
        failed = {h for h, how in self.ended.items() if how == "failed"}
        most = stage.strategy.max_failures.at_most(len(hosts))
        if len(failed & {*hosts}) > (0 if stage.batches[number].canary and not retried else most):
            self.wrong.append(f"{host}: too many failures in its batch")
        if len(failed) > self.fleet.plan.max_failures_in_all.at_most(len(self.fleet.plan.hosts)):
            self.wrong.append(f"{host}: too many failures in all")

    def end(self, host: str) -> None:
        """End the work on a host as the fleet has it."""
        work = self.at_work.pop(host)
        if work == "update":
            outcome = self.fleet.outcomes[host]
        else:
            outcome = "done" if self.fleet.reverts[host] else "failed"
        self.ended[host] = outcome if work == "update" else "reverted"
        if outcome == "done":
            self.healthy.add(host)
            self.in_service.add(host)
        else:
            self.healthy.discard(host)
            if outcome == "unreachable":
                self.in_service.add(host)
        self.commit(Ended(host, work, outcome, changed=self._changes(host), at=self.now))

    def _changes(self, host: str) -> bool:
        """Return whether the run of a host changes something."""
        return self.fleet.outcomes[host] != "unreachable"

    @property
    def result(self) -> tuple[str | None, dict[str, str]]:
        """The end of the rollout, and of each host."""
        return self.progress.finished, {h: s.phase for h, s in self.progress.hosts.items()}
