"""
The undo of a run on one host: its changes with found and wanted swapped, latest first.

A thing is undone only if the fields that the run touched are as the run left them. If they
are not, the thing was changed since, and its undo is refused by name. Effects without a state
(a command, the data of a purged package) are named and not undone. A service that was
restarted or reloaded because of a change is so again after its files are restored.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cookbook.applying.change_set import ChangeSet
from cookbook.applying.executor import Executor
from cookbook.applying.manifest import QUESTION, Manifest
from cookbook.applying.undo_steps import (
    BECAUSE,
    Undoing,
    acts,
    conflict,
    differs,
    hollow,
    lost_acts,
    undoings,
    way,
)
from cookbook.errors import BarrierBroken, DeadlineExceeded, HostError, Irreversible, Refused
from cookbook.hosts.probing import precondition
from cookbook.language.change import Change
from cookbook.language.field_traits import compared_fields
from cookbook.language.probe import Probe
from cookbook.planning.barriers import BarrierKeeper, NoOthers
from cookbook.planning.decision import Decision, Item, PlannedChange
from cookbook.planning.planner import Planner
from cookbook.planning.removal_check import rehearsed
from cookbook.planning.step import Listener, Permit, Step, step_of, with_note
from cookbook.script.run_as import as_user
from cookbook.script.shell import Command
from cookbook.script.stash import shown, there
from cookbook.text.diff import Diff, texts_diff
from cookbook.text.listing import named

_Kept = tuple[str | None, str]
"""The user with the stash (None: that of the run), and the digest of a content in it."""


@dataclass
class Undo:
    """The undo, or its dry run, of one run on one host."""

    done: Sequence[Step]
    """The steps of the run, in their order."""

    executor: Executor
    manifest: Manifest
    listener: Listener = field(default_factory=Listener)
    apply: bool = False
    partial: bool = False
    """True to undo the rest if something cannot be undone."""

    permit: Permit | None = None
    """Called before a change is sent, to allow or refuse it; None allows all."""

    stopping: Callable[[], bool] = lambda: False
    """Called between two exchanges; returns whether to stop."""

    barriers: BarrierKeeper = field(default_factory=NoOthers)
    """The barriers of the run that is undone, where the hosts wait for one another again."""

    failed: bool = False
    unfinished: bool = False
    _swept: frozenset[tuple[str, str]] = frozenset()
    """Things that the later removal of a package may remove as well: they may be absent then."""
    _kept: frozenset[_Kept] = frozenset()
    """The needed contents that the stashes of the host have."""

    @property
    def planner(self) -> Planner:
        """The planner of the executor."""
        return self.executor.planner

    def steps(self) -> Iterator[Step]:
        """Yield the steps of the undo, the latest change first, then repeated restarts."""
        todo = list(undoings(self.done))[::-1]
        decisions = self._decided(todo)
        looks = self._looks(decisions)
        pairs = zip(todo, decisions, strict=True)
        steps = [self._planned(one, decision, looks) for one, decision in pairs]
        lost = [*lost_acts(self.done), *(step for step in steps if step.status != "changed")]
        self.failed = any(step.status == "failed" for step in lost)
        yield from lost
        doable = [
            (step, one)
            for step, one in zip(steps, decisions, strict=True)
            if isinstance(one, PlannedChange)
        ]
        if not self.apply:
            yield from (step for step, _ in doable)
            yield from self._foretold([planned for _, planned in doable])
        elif not self.failed:
            yield from self._send(todo, doable)

    def _send(
        self, todo: Sequence[Undoing], doable: Sequence[tuple[Step, PlannedChange]]
    ) -> Iterator[Step]:
        self.manifest.read(self.planner.text(QUESTION))
        shown = {str(step.target): (step.diff, step.lost) for step, _ in doable}
        delivery = ChangeSet(
            self.executor,
            self.listener,
            self.manifest.notes,
            self.permit,
            stopping=self.stopping,
        )
        by_key = {one.key: one for one in todo}
        places = _places(self.done)
        changes = [planned for _, planned in doable]
        points = [replace(step, error=None) for step in self.done if step.is_barrier]
        late: DeadlineExceeded | None = None
        for number in range(len(points), -1, -1):
            for step in delivery.work_off(
                [one for one in changes if places.get(_key(one), 0) == number],
                lambda planned: self._decision(by_key[_key(planned)]),
            ):
                diff, lost = shown.get(str(step.target), (None, None))
                yield replace(step, diff=diff, lost=lost)
            if number:
                try:
                    yield self._come_to(points[number - 1], delivery)
                except DeadlineExceeded as error:
                    late, delivery.stopped = error, True  # the rest is only reported
                    yield replace(points[number - 1], status="not-run")
        if late is not None:
            raise late
        if not delivery.failed:
            yield from delivery.work_off(self._repeated({}), lambda planned: planned)
        self.failed |= delivery.failed
        self.unfinished |= delivery.stopped

    def _come_to(self, point: Step, delivery: ChangeSet) -> Step:
        """
        Wait until what came after a barrier of the run is undone on all of its hosts.

        Raises DeadlineExceeded.
        """
        barrier = point.declared.barrier
        if barrier is None or delivery.failed or delivery.stopped:
            return replace(point, status="not-run")
        try:
            said = self.barriers.come_to(barrier)
        except BarrierBroken as error:
            delivery.failed = True
            return replace(point, status="failed", error=error)
        delivery.stopped |= said == "stopped"
        return replace(point, status="not-run" if said == "stopped" else "ok")

    # -- judging -------------------------------------------------------------------------------

    def _decided(self, todo: Sequence[Undoing]) -> list[Decision]:
        """
        Return the decision for each, in three exchanges at most.

        They read the states, the contents in the stash, and the side effects of removals.
        """
        self.planner.refresh((_item(one) for one in todo), [QUESTION])
        first = [self._decision(one) for one in todo]
        self._kept = frozenset(self._look_into_stashes(first))
        decisions = rehearsed(self.planner, [self._checked(decision) for decision in first])
        sweeping = [i for i, decision in enumerate(decisions) if _sweeps(decision)]
        self._swept = frozenset(one.key for one in todo[: max(sweeping, default=0)])
        return decisions

    def _look_into_stashes(self, decisions: Sequence[Decision]) -> Iterator[_Kept]:
        """Yield the needed contents that the host has; each user has a separate stash."""
        needed = {kept for decision in decisions for kept in _needed(decision)}
        users = {user for user, _ in needed}
        asked = {u: Probe(there(sorted(d for v, d in needed if v == u)), user=u) for u in users}
        self.planner.refresh([], asked.values())
        for user, probe in asked.items():
            answer = self.planner.answers[probe]
            yield from ((user, digest) for digest in answer.text.split())

    def _decision(self, one: Undoing) -> Decision:
        """Decide by the latest answers; ok if the former state is there already."""
        item, provider = _item(one), one.provider
        try:
            probes = self.planner.probes([item])
            found = self.planner.found(provider, item.resource)
            now = found if provider.there(found) else None
            change = provider.back(item.resource.identity, one.change, found)
            if not differs(provider, now, change.wanted) and not hollow(one, now):
                return Decision(item, "ok", provider, None)
            if differing := conflict(one, now):
                raise Refused(
                    f"{one.declared.resource} is not as the run left it: {differing}",
                    hint="it was changed since the run; --partial undoes the rest",
                )
            if why := provider.unobtainable(item.resource.identity, one.change, found):
                raise Irreversible(f"{one.declared.resource}: {why}")
        except HostError as error:
            return Decision(item, "failed", provider, None, error=error)
        goal = functools.partial(self._still, one, change=change)
        return PlannedChange(item, provider, change, probes, goal=goal)

    def _still(self, one: Undoing, state: Any, change: Change[Any]) -> Change[Any]:
        """
        Return the change that is still needed after the undo, in the properties that it restores.

        The others may have been restored by the undo of another resource about the same thing.
        """
        if one.key in self._swept and one.provider.gone(state):
            return Change(None, None)
        left = way(one.provider, state, change.wanted)
        if change.found is None or left.found is None or left.wanted is None:
            return left
        others = {
            name: None for name in compared_fields(type(left.wanted)) if name not in change.fields
        }
        return replace(left, wanted=replace(left.wanted, **others))

    def _checked(self, decision: Decision) -> Decision:
        gone = set(_needed(decision)) - self._kept
        if not isinstance(decision, PlannedChange) or not gone:
            return decision
        named = f" ({min(digest for _, digest in gone)[:12]}...)"
        if decision.resource.confidential or decision.change.sensitive:
            named = ""
        error = Irreversible(
            f"{decision.resource}: what was in it is not in the stash of the host{named}",
            hint="`cook stash` lists what is; --partial goes on without it",
        )
        return decision.ended("failed", error)

    # -- showing -------------------------------------------------------------------------------

    def _planned(self, one: Undoing, decision: Decision, looks: Mapping[Command, bytes]) -> Step:
        step = step_of(replace(decision, probes=()))
        if decision.status == "failed" and self.partial:
            destroyed = isinstance(decision.error, Irreversible)
            lost = str(decision.error)
            return replace(step, status="skipped", error=None, lost=lost, destroyed=destroyed)
        if decision.status == "ok" and one.lost and not one.provider.there(one.change.found):
            return replace(step, status="skipped", change=None, lost=one.lost)
        if not isinstance(decision, PlannedChange):
            return step
        by = precondition(decision.probes, self.planner.answers)
        return replace(step, precondition=by, lost=one.lost, diff=_diff(decision, looks))

    def _looks(self, decisions: Sequence[Decision]) -> Mapping[Command, bytes]:
        """Read both sides of each diff from the host: one is in place, one in the stash."""
        asked = [question for decision in decisions for question in _sides(decision) if question]
        return dict(zip(asked, self.planner.read(asked), strict=True))

    def _foretold(self, changes: Sequence[PlannedChange]) -> Iterator[Step]:
        """Yield the acts that would be repeated after these changes; they are not done yet."""
        for act in self._repeated({_key(one): one.change.wanted for one in changes}):
            takers = [str(one.item.declared.resource) for one in changes if _may_take(one, act)]
            unless = f"not if it goes with {named(takers, 3)}" if takers else None
            yield with_note(step_of(act), unless)

    def _repeated(self, after: Mapping[tuple[str, str], Any]) -> list[PlannedChange]:
        """
        Return the acts (restart, reload) of resources that the changes had notified.

        `after` has states, by provider and identity, that differ from those found on the host.
        """
        items = list(acts(self.done))
        if not items:
            return []
        self.planner.refresh(items)
        repeated = []
        for item in items:
            provider = self.planner.provider_or_none(item.resource)
            if provider is None:
                continue
            found = self.planner.found(provider, item.resource)
            found = after.get((provider.name, item.resource.identity), found)
            if not provider.repeats(item.resource.doing[0], found):
                continue
            change = provider.plan(item.resource, found)
            if change.act:
                probes = self.planner.probes([item])
                repeated.append(PlannedChange(item, provider, change, probes))
        return repeated


def _may_take(removal: PlannedChange, act: PlannedChange) -> bool:
    """Return whether a removal may take away the thing of an act, which is none then."""
    provider, change = removal.provider, removal.change
    if provider.there(change.wanted):
        return False
    about = {*act.provider.about(act.resource)}
    return provider.takes_anything(removal.name) or not about.isdisjoint(
        {*provider.about(removal.resource), *provider.alters(removal.resource, change)}
    )


def _sides(decision: Decision) -> Sequence[Command | None]:
    if not isinstance(decision, PlannedChange) or decision.resource.confidential:
        return ()
    resource = decision.resource
    texts = decision.provider.texts(resource.identity, decision.change)
    if texts is None:
        return ()
    sides = (texts.found, shown(texts.wanted) if texts.wanted is not None else None)
    return [as_user(resource.become_user, side) if side else None for side in sides]


def _diff(decision: Decision, looks: Mapping[Command, bytes]) -> Diff | None:
    name = decision.item.resource.identity
    if decision.item.resource.confidential:
        return texts_diff(name, None, None, secret=True)
    sides = [looks[side] if side is not None else None for side in _sides(decision)]
    return texts_diff(name, *sides) if sides else None


def _sweeps(decision: Decision) -> bool:
    """Return whether the change may remove more than it names, as the removal of a package does."""
    if not isinstance(decision, PlannedChange) or decision.change.wanted is not None:
        return False
    return decision.provider.takes_anything(decision.name)


def _item(one: Undoing) -> Item:
    resource = one.provider.ask_back(one.declared.resource, one.change)
    return Item(one.declared, resource, BECAUSE)


def _key(planned: PlannedChange) -> tuple[str, str]:
    return planned.provider.name, planned.item.declared.resource.identity


def _places(done: Sequence[Step]) -> Mapping[tuple[str, str], int]:
    """Return, for each thing of the run, the number of barriers before its last change."""
    places: dict[tuple[str, str], int] = {}
    number = 0
    for step in done:
        number += step.is_barrier
        if step.provider is not None and step.status in ("changed", "unknown", "failed"):
            places[step.provider.name, step.resource.identity] = number
    return places


def _needed(decision: Decision) -> Iterator[_Kept]:
    """Yield the contents that its commands read; only the stash of the host can have them."""
    if not isinstance(decision, PlannedChange):
        return
    for command in decision.commands:
        yield from ((decision.resource.become_user, digest) for digest in command.contents)
