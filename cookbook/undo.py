"""
The way back: what a run has changed on a host, with found and wanted swapped, latest first.

Each thing goes back only if it is as the run left it, as far as the run has touched it;
if it is not, somebody has changed it since, and it is refused by name. What the run did that
no state tells of (a command, a purged package's data) is named, and not undone. A service
that was told of a change is told again, once what it reads is back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cookbook.acting import as_user
from cookbook.chain import Item, Verdict
from cookbook.courier import Courier
from cookbook.delivery import Delivery
from cookbook.diff import Diff, texts_diff
from cookbook.errors import HostError, Irreversible, Refused
from cookbook.judge import Judge
from cookbook.manifest import QUESTION, Manifest
from cookbook.provider import Change, Probe
from cookbook.questions import guard
from cookbook.rehearsal import rehearsed
from cookbook.shell import Command
from cookbook.stash import shown, there
from cookbook.step import Listener, Permit, Step, step_of
from cookbook.undoing import (
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

_Kept = tuple[str | None, str]
"""Whose stash, and the digest of what is in it."""


@dataclass
class Reversal:
    """One host, and what a run has done to it."""

    done: Sequence[Step]
    """The steps of the run, in their order."""

    courier: Courier
    manifest: Manifest
    listener: Listener = field(default_factory=Listener)
    apply: bool = False
    partial: bool = False
    """Go on without what cannot go back."""

    permit: Permit | None = None
    """Who is asked before anything is sent, where somebody is."""

    stopping: Callable[[], bool] = lambda: False
    """Asked between two exchanges: whether to go no further."""

    failed: bool = False
    unfinished: bool = False
    _swept: frozenset[tuple[str, str]] = frozenset()
    """What may go with a package that goes after it: it need not be there at the end."""
    _kept: frozenset[_Kept] = frozenset()
    """Of the contents that are needed, those that the host has."""

    @property
    def judge(self) -> Judge:
        """What it is judged by."""
        return self.courier.judge

    def steps(self) -> Iterator[Step]:
        """What goes back, the latest first; then who is told of it."""
        todo = list(undoings(self.done))[::-1]
        verdicts = self._judge(todo)
        looks = self._looks(verdicts)
        pairs = zip(todo, verdicts, strict=True)
        steps = [self._planned(one, verdict, looks) for one, verdict in pairs]
        lost = [*lost_acts(self.done), *(step for step in steps if step.status != "changed")]
        self.failed = any(step.status == "failed" for step in lost)
        yield from lost
        doable = [(s, v) for s, v in zip(steps, verdicts, strict=True) if v.status == "change"]
        if not self.apply:
            yield from (step for step, _ in doable)
            yield from self._told(todo)
        elif not self.failed:
            yield from self._send(todo, doable)

    def _send(
        self, todo: Sequence[Undoing], doable: Sequence[tuple[Step, Verdict]]
    ) -> Iterator[Step]:
        self.manifest.read(self.judge.text(QUESTION))
        shown = {str(step.target): (step.diff, step.lost) for step, _ in doable}
        delivery = Delivery(
            self.courier,
            self.listener,
            self.manifest.notes,
            self.permit,
            stopping=self.stopping,
        )
        by_key = {one.key: one for one in todo}
        for step in delivery.work_off(
            [verdict for _, verdict in doable],
            lambda verdict: self._verdict(by_key[_key(verdict)]),
        ):
            diff, lost = shown.get(str(step.target), (None, None))
            yield replace(step, diff=diff, lost=lost)
        if not delivery.failed:
            yield from self._told(todo, delivery)
        self.failed |= delivery.failed
        self.unfinished |= delivery.stopped

    # -- judging -------------------------------------------------------------------------------

    def _judge(self, todo: Sequence[Undoing]) -> list[Verdict]:
        """Three exchanges at most: how all is, which contents are kept, what would go besides."""
        self.judge.refresh((_item(one) for one in todo), [QUESTION])
        first = [self._verdict(one) for one in todo]
        self._kept = frozenset(self._look_into_stashes(first))
        verdicts = rehearsed(self.judge, [self._checked(verdict) for verdict in first])
        sweeping = [i for i, verdict in enumerate(verdicts) if _sweeps(verdict)]
        self._swept = frozenset(one.key for one in todo[: max(sweeping, default=0)])
        return verdicts

    def _look_into_stashes(self, verdicts: Sequence[Verdict]) -> Iterator[_Kept]:
        """What there is of the contents that are needed: each user has a stash of his own."""
        needed = {kept for verdict in verdicts for kept in _needed(verdict)}
        users = {user for user, _ in needed}
        asked = {u: Probe(there(sorted(d for v, d in needed if v == u)), user=u) for u in users}
        self.judge.refresh([], asked.values())
        for user, probe in asked.items():
            answer = self.judge.answers[probe]
            yield from ((user, digest) for digest in answer.text.split())

    def _verdict(self, one: Undoing) -> Verdict:
        """By the latest answers: ok where it is back already."""
        item, provider = _item(one), one.provider
        verdict = Verdict(item, "failed", provider)
        try:
            probes = self.judge.probes([item])
            found = self.judge.found(provider, item.resource)
            now = found if provider.there(found) else None
            change = provider.back(item.resource.identity, one.change, found)
            if not differs(provider, now, change.wanted) and not hollow(one, now):
                return replace(verdict, status="ok")
            if differing := conflict(one, now):
                raise Refused(
                    f"{one.declared.resource} is not as the run left it: {differing}",
                    hint="somebody has changed it since; --partial goes on without it",
                )
            if why := provider.unobtainable(item.resource.identity, one.change, found):
                raise Irreversible(f"{one.declared.resource}: {why}")
        except HostError as error:
            return replace(verdict, error=error)
        return replace(
            verdict,
            status="change",
            change=change,
            probes=probes,
            goal=lambda state: self._still(one, state, change),
        )

    def _still(self, one: Undoing, state: Any, change: Change[Any]) -> Change[Any]:
        """What is still to be done once it was undone."""
        if one.key in self._swept and one.provider.gone(state):
            return Change(None, None)
        return way(one.provider, state, change.wanted)

    def _checked(self, verdict: Verdict) -> Verdict:
        if not (gone := set(_needed(verdict)) - self._kept):
            return verdict
        error = Irreversible(
            f"{verdict.item.resource}: what was in it is not in the stash of the host"
            f" ({min(digest for _, digest in gone)[:12]}...)",
            hint="`cook stash` lists what is; --partial goes on without it",
        )
        return replace(verdict, status="failed", error=error)

    # -- showing -------------------------------------------------------------------------------

    def _planned(self, one: Undoing, verdict: Verdict, looks: Mapping[Command, bytes]) -> Step:
        step = step_of(replace(verdict, probes=()))
        if verdict.status == "failed" and self.partial:
            return replace(step, status="skipped", error=None, lost=str(verdict.error))
        if verdict.status == "ok" and one.lost and not one.provider.there(one.change.found):
            return replace(step, status="skipped", change=None, lost=one.lost)
        if verdict.status != "change":
            return step
        by = guard(verdict.probes, self.judge.answers)
        return replace(step, guard=by, lost=one.lost, diff=_diff(verdict, looks))

    def _looks(self, verdicts: Sequence[Verdict]) -> Mapping[Command, bytes]:
        """Both sides of each diff are on the host: one in its place, one in the stash."""
        asked = [question for verdict in verdicts for question in _sides(verdict) if question]
        return dict(zip(asked, self.judge.read(asked), strict=True))

    def _told(self, todo: Sequence[Undoing], delivery: Delivery | None = None) -> Iterator[Step]:
        """Whoever was told of the changes is told again, if that means anything now."""
        items = list(acts(self.done, todo))
        if not items:
            return
        self.judge.refresh(items)
        verdicts = []
        for item in items:
            provider = self.judge.provider_or_none(item.resource)
            if provider is None:
                continue
            found = self.judge.found(provider, item.resource)
            if not provider.repeats(item.resource.doing[0], found):
                continue
            change = provider.plan(item.resource, found)
            if change.act:
                probes = self.judge.probes([item])
                verdicts.append(Verdict(item, "change", provider, change, probes))
        if delivery is None:
            yield from map(step_of, verdicts)
            return
        yield from delivery.work_off(verdicts, lambda verdict: verdict)


def _sides(verdict: Verdict) -> Sequence[Command | None]:
    if verdict.provider is None or verdict.change is None or verdict.item.resource.confidential:
        return ()
    resource = verdict.item.resource
    texts = verdict.provider.texts(resource.identity, verdict.change)
    if texts is None:
        return ()
    sides = (texts.found, shown(texts.wanted) if texts.wanted is not None else None)
    return [as_user(resource.become_user, side) if side else None for side in sides]


def _diff(verdict: Verdict, looks: Mapping[Command, bytes]) -> Diff | None:
    name = verdict.item.resource.identity
    if verdict.item.resource.confidential:
        return texts_diff(name, None, None, secret=True)
    sides = [looks[side] if side is not None else None for side in _sides(verdict)]
    return texts_diff(name, *sides) if sides else None


def _sweeps(verdict: Verdict) -> bool:
    """Whether more may go than what is named: with a package all that is in it."""
    if verdict.provider is None or verdict.change is None or verdict.status != "change":
        return False
    anything = verdict.provider.brings_anything(verdict.item.resource.identity)
    return anything and verdict.change.wanted is None


def _item(one: Undoing) -> Item:
    resource = one.provider.ask_back(one.declared.resource, one.change)
    return Item(one.declared, resource, BECAUSE)


def _key(verdict: Verdict) -> tuple[str, str]:
    assert verdict.provider is not None  # noqa: S101 - an undoing has one
    return verdict.provider.name, verdict.item.declared.resource.identity


def _needed(verdict: Verdict) -> Iterator[_Kept]:
    """The contents that its commands read, which only the host can have."""
    if verdict.provider is None or verdict.change is None:
        return
    resource = verdict.item.resource
    for command in verdict.provider.commands(resource.identity, verdict.change):
        yield from ((resource.become_user, digest) for digest in command.contents)
