"""The plan of a rollout: stages in order, each with batches in order, each with hosts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

from cookbook.errors import UsageError
from cookbook.rollout.strategy import ALL, Amount, Rollouts, Strategy


@dataclass(frozen=True)
class Batch:
    """Hosts that are rolled out together."""

    hosts: tuple[str, ...]
    canary: bool = False
    size: str = ""
    """The size as it was written, if that is not the number of the hosts: `10%`."""


@dataclass(frozen=True)
class Stage:
    """A group, in batches."""

    group: str
    strategy: Strategy
    batches: tuple[Batch, ...]
    places: Mapping[str, str]
    """By host: its value of the variable `spread`, if the strategy has one."""

    others: tuple[str, ...] = ()
    """Hosts of the group that are not rolled out now: `min_healthy` counts them, too."""

    @cached_property
    def members(self) -> tuple[str, ...]:
        """All hosts of the group."""
        return (*self.hosts, *self.others)

    @cached_property
    def hosts(self) -> tuple[str, ...]:
        """All hosts of the group, in the order of the batches."""
        return tuple(host for batch in self.batches for host in batch.hosts)


@dataclass(frozen=True)
class RolloutPlan:
    """Which hosts come when; the same inventory and file always make the same plan."""

    stages: tuple[Stage, ...]
    max_failures_in_all: Amount
    left_out: tuple[str, ...] = ()
    """Hosts of the inventory that are in no group of the rollout."""

    @property
    def hosts(self) -> tuple[str, ...]:
        """All hosts, in the order in which they come."""
        return tuple(host for stage in self.stages for host in stage.hosts)

    def stage_of(self, host: str) -> Stage:
        """Return the stage that a host is in. Raises KeyError."""
        for stage in self.stages:
            if host in stage.members:
                return stage
        raise KeyError(host)


def check_stage(stage: Stage) -> None:
    """Raise UsageError for a strategy that does not fit the hosts of its group."""
    strategy, total = stage.strategy, len(stage.members)
    if not strategy.canary.percent and strategy.canary.number > total:
        raise UsageError(
            f"canary: {strategy.canary}, but the group has {total} host{'s' * (total != 1)}",
            hint="a smaller number, or a share such as 10%, which is rounded up",
        )
    if stage.hosts and strategy.min_healthy.at_least(total) >= total:
        raise UsageError(
            f"min_healthy: {strategy.min_healthy} of {total} host{'s' * (total != 1)}: none could"
            " be taken out of service",
            hint="a smaller number; 0 for a group of one host",
        )
    if strategy.spread and stage.hosts and not any(stage.places.values()):
        raise UsageError(f"spread: no host of the group has the variable {strategy.spread}")


def plan(
    rollouts: Rollouts,
    groups: Mapping[str, Sequence[str]],
    hosts: Mapping[str, Mapping[str, object]],
    *,
    first: Sequence[str] = (),
) -> RolloutPlan:
    """
    Return the stages and batches of these hosts.

    `groups` has the hosts of each group of the inventory, `hosts` the variables of each host that
    the rollout is about. `first` are hosts that come first in their group: those that an earlier
    rollout has left pending.

    Raises UsageError for a group that is unknown or in a circle, and for a host in two groups.
    """
    stages = []
    seen: dict[str, str] = {}
    for group in _ordered(rollouts):
        if group not in groups:
            from cookbook.text.suggest import did_you_mean

            raise UsageError(
                f"{rollouts.at[group]}: the inventory has no group {group!r}",
                hint=did_you_mean(group, groups),
            )
        own = [host for host in groups[group] if host in hosts]
        for host in own:
            if (other := seen.setdefault(host, group)) != group:
                raise UsageError(
                    f"{rollouts.at[group]}: host {host} is in {other} and in {group}",
                    hint="a rollout comes to each host once: name one of the two groups",
                )
        own.sort(key=lambda host: host not in first)
        strategy = rollouts.groups[group]
        places = {host: _place(hosts[host], strategy.spread) for host in own}
        others = tuple(host for host in groups[group] if host not in hosts)
        stages.append(Stage(group, strategy, tuple(_batches(strategy, own)), places, others))
    left = tuple(host for host in hosts if host not in seen)
    return RolloutPlan(tuple(stages), rollouts.max_failures_in_all, left)


def _ordered(rollouts: Rollouts) -> Iterator[str]:
    """Yield the groups so that each comes after those it names; else as in the file."""
    left = {name: set(strategy.after) for name, strategy in rollouts.groups.items()}
    try:
        TopologicalSorter(left).prepare()
    except CycleError as error:
        ring: list[str] = list(reversed(error.args[1]))
        steps = ", ".join(f"{one} after {other}" for one, other in pairwise(ring))
        raise UsageError(f"{rollouts.at[ring[0]]}: groups wait for each other: {steps}") from None
    while left:
        name = next(name for name, after in left.items() if not after & left.keys())
        del left[name]
        yield name


def _place(variables: Mapping[str, object], key: str) -> str:
    return str(variables.get(key, "")) if key else ""


def _batches(strategy: Strategy, hosts: Sequence[str]) -> Iterator[Batch]:
    """Yield the canary, then batches of the sizes of the strategy; the last size is repeated."""
    total, begin = len(hosts), 0
    if canary := strategy.canary.at_least(total):
        is_cut = strategy.canary.number > canary
        size = str(strategy.canary) if strategy.canary.percent or is_cut else ""
        yield Batch(tuple(hosts[:canary]), canary=True, size=size)
        begin = canary
    sizes = list(strategy.batches)
    while begin < total:
        most = max(1, sizes[0].at_most(total))
        share = str(sizes[0]) if sizes[0].percent and sizes[0] != ALL else ""
        yield Batch(tuple(hosts[begin : begin + most]), size=share)
        begin += most
        if len(sizes) > 1:
            del sizes[0]
