"""
The way back: what a run has changed on a host, with found and wanted swapped, latest first.

Each thing goes back only if it is as the run left it, as far as the run has touched it;
if it is not, somebody has changed it since, and it is refused by name. What the run did that
no state tells of (a command, a purged package's data) is named, and not undone. A service
that was told of a change is told again, once what it reads is back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from cookbook.chain import Item, Verdict
from cookbook.delivery import Delivery
from cookbook.diff import Diff, texts_diff
from cookbook.errors import HostError, Irreversible, Refused
from cookbook.judge import Judge
from cookbook.manifest import QUESTION, Manifest
from cookbook.provider import AnyProvider, Change, Probe
from cookbook.questions import guard
from cookbook.recipe import Declared
from cookbook.shell import Command
from cookbook.stash import shown, there
from cookbook.step import Listener, Permit, Step, step_of

BECAUSE = "undo"


@dataclass(frozen=True)
class Undoing:
    """One thing, and what a run has done to it, be it in several turns."""

    declared: Declared
    provider: AnyProvider
    change: Change[Any]
    left: Any
    """The state that the run left it in."""

    certain: bool = True
    """Whether that was seen; where the link was lost, the host itself has to tell."""

    lost: str | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What it is about."""
        return self.provider.name, self.declared.resource.identity

    def then(self, later: Undoing) -> Undoing:
        """Both, one after the other, as one."""
        wanted = later.change.wanted
        if wanted is not None and self.change.wanted is not None:
            kept = {
                f.name: getattr(self.change.wanted, f.name)
                for f in fields(wanted)
                if getattr(wanted, f.name) is None
            }
            wanted = replace(wanted, **kept)
        change = replace(later.change, found=self.change.found, wanted=wanted)
        return replace(later, change=change, certain=self.certain and later.certain)


@dataclass
class Reversal:
    """One host, and what a run has done to it."""

    done: Sequence[Step]
    """The steps of the run, in their order."""

    judge: Judge
    manifest: Manifest
    listener: Listener = field(default_factory=Listener)
    apply: bool = False
    partial: bool = False
    """Go on without what cannot go back."""

    permit: Permit | None = None
    """Who is asked before anything is sent, where somebody is."""

    failed: bool = False
    unfinished: bool = False
    _kept: frozenset[str] = frozenset()
    """Of the contents that are needed, those that the host has."""

    def steps(self) -> Iterator[Step]:
        """What goes back, the latest first; then who is told of it."""
        todo = list(_undoings(self.done))[::-1]
        verdicts = self._judge(todo)
        looks = self._looks(verdicts)
        pairs = zip(todo, verdicts, strict=True)
        steps = [self._planned(one, verdict, looks) for one, verdict in pairs]
        lost = [*_lost_acts(self.done), *(step for step in steps if step.status != "changed")]
        self.failed = any(step.status == "failed" for step in lost)
        yield from lost
        doable = [(s, v) for s, v in zip(steps, verdicts, strict=True) if v.status == "change"]
        if not self.apply:
            yield from (step for step, _ in doable)
            yield from self._told(todo, sending=False)
        elif not self.failed:
            yield from self._send(todo, doable)

    def _send(
        self, todo: Sequence[Undoing], doable: Sequence[tuple[Step, Verdict]]
    ) -> Iterator[Step]:
        self.manifest.read(self.judge.text(QUESTION))
        shown = {str(step.target): (step.diff, step.lost) for step, _ in doable}
        delivery = Delivery(self.judge, self.listener, self.manifest.notes, self.permit)
        by_key = {one.key: one for one in todo}
        for step in delivery.work_off(
            [verdict for _, verdict in doable],
            lambda verdict: self._verdict(by_key[_key(verdict)]),
        ):
            diff, lost = shown.get(str(step.target), (None, None))
            yield replace(step, diff=diff, lost=lost)
        if not delivery.failed:
            yield from self._told(todo, sending=True, delivery=delivery)
        self.failed |= delivery.failed
        self.unfinished |= delivery.stopped

    # -- judging -------------------------------------------------------------------------------

    def _judge(self, todo: Sequence[Undoing]) -> list[Verdict]:
        """Three exchanges at most: how all is, which contents are kept, what would go besides."""
        self.judge.refresh((_item(one) for one in todo), [QUESTION])
        first = [self._verdict(one) for one in todo]
        needed = sorted({digest for verdict in first for digest in _needed(verdict)})
        if needed:
            self._kept = frozenset(self.judge.text(Probe(there(needed))).split())
        return self._rehearsed([self._checked(verdict) for verdict in first])

    def _rehearsed(self, verdicts: list[Verdict]) -> list[Verdict]:
        """All of it at once, where a provider can tell what that would do besides."""
        asked = {
            p: q for p in dict.fromkeys(_providers(verdicts)) if (q := _rehearsal(p, verdicts))
        }
        said = [text.decode(errors="replace") for text in self.judge.read(list(asked.values()))]
        told = dict(zip(asked, said, strict=True))
        return [_objected(v, told[v.provider]) if v.provider in told else v for v in verdicts]

    def _verdict(self, one: Undoing) -> Verdict:
        """By the latest answers: ok where it is back already."""
        item, provider = _item(one), one.provider
        verdict = Verdict(item, "failed", provider)
        try:
            probes = self.judge.probes([item])
            found = self.judge.found(provider, item.resource)
            now = found if provider.there(found) else None
            change = provider.back(item.resource.identity, one.change, found)
            if not _differs(provider, now, change.wanted):
                return replace(verdict, status="ok")
            if conflict := _conflict(one, now):
                raise Refused(
                    f"{one.declared.resource} is not as the run left it: {conflict}",
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
            goal=lambda state: _way(provider, state, change.wanted),
        )

    def _checked(self, verdict: Verdict) -> Verdict:
        if not (gone := set(_needed(verdict)) - self._kept):
            return verdict
        error = Irreversible(
            f"{verdict.item.resource}: what was in it is not in the stash of the host"
            f" ({min(gone)[:12]}...)",
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

    def _told(
        self, todo: Sequence[Undoing], *, sending: bool, delivery: Delivery | None = None
    ) -> Iterator[Step]:
        """Whoever was told of the changes is told again, if that means anything now."""
        items = list(_acts(self.done, todo))
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
        if delivery is None or not sending:
            yield from map(step_of, verdicts)
            return
        yield from delivery.work_off(verdicts, lambda verdict: verdict)


def _providers(verdicts: Sequence[Verdict]) -> Iterator[AnyProvider]:
    yield from (v.provider for v in verdicts if v.provider is not None and v.status == "change")


def _rehearsal(provider: AnyProvider, verdicts: Sequence[Verdict]) -> Command | None:
    its = [v for v in verdicts if v.provider is provider and v.status == "change"]
    return provider.rehearsal([(v.item.resource.identity, v.change) for v in its if v.change])


def _objected(verdict: Verdict, said: str) -> Verdict:
    provider, resource = verdict.provider, verdict.item.resource
    if provider is None or verdict.status != "change":
        return verdict
    if (why := provider.objection(resource.identity, said)) is None:
        return verdict
    error = Refused(f"{resource}: {why}", hint="--partial goes on without it")
    return replace(verdict, status="failed", error=error)


def _sides(verdict: Verdict) -> Sequence[Command | None]:
    if verdict.provider is None or verdict.change is None or verdict.item.resource.confidential:
        return ()
    texts = verdict.provider.texts(verdict.item.resource.identity, verdict.change)
    if texts is None:
        return ()
    return texts.found, shown(texts.wanted) if texts.wanted is not None else None


def _diff(verdict: Verdict, looks: Mapping[Command, bytes]) -> Diff | None:
    name = verdict.item.resource.identity
    if verdict.item.resource.confidential:
        return texts_diff(name, None, None, secret=True)
    sides = [looks[side] if side is not None else None for side in _sides(verdict)]
    return texts_diff(name, *sides) if sides else None


def _undoings(done: Sequence[Step]) -> Iterator[Undoing]:
    """The things that a run has changed, or may have, in the order of their last change."""
    things: dict[tuple[str, str], Undoing] = {}
    for step in done:
        change, provider = step.change, step.provider
        changing = step.status in ("changed", "unknown", "failed")
        if not changing or change is None or provider is None or change.kind in ("act", "none"):
            continue
        certain = step.status == "changed"
        one = Undoing(step.declared, provider, change, step.left, certain, step.lost)
        before = things.pop(one.key, None)
        things[one.key] = before.then(one) if before is not None else one
    yield from things.values()


def _lost_acts(done: Sequence[Step]) -> Iterator[Step]:
    """What was done that is no state, and does not happen again by itself."""
    for step in done:
        secret = step.change is None and step.status in ("changed", "unknown")
        if secret:
            why = "its state holds a secret, and was not kept"
            yield Step(step.declared, "skipped", lost=why)
        elif _acted(step) and step.change is not None:
            did = "did" if step.status == "changed" else "may have done"
            yield Step(step.declared, "skipped", lost=f"what it {did} ({step.change.act})")


def _acted(step: Step) -> bool:
    """Whether it did, or may have, what is no state and is not done again after an undo."""
    if step.change is None or step.provider is None:
        return False
    if step.status not in ("changed", "unknown"):
        return False
    return step.change.kind == "act" and step.change.act not in step.provider.again


def _acts(done: Sequence[Step], todo: Sequence[Undoing]) -> Iterator[Item]:
    """Restarts and reloads of the run, each once, unless their service goes back by itself."""
    back = {one.key for one in todo}
    seen = set()
    for step in done:
        change, provider = step.change, step.provider
        if step.status != "changed" or change is None or provider is None or change.act is None:
            continue
        key = (provider.name, step.resource.identity, change.act)
        if change.act in provider.again and key not in seen and key[:2] not in back:
            seen.add(key)
            resource = replace(step.target, action=change.act)
            yield Item(replace(step.declared, resource=resource), resource, BECAUSE)


def _item(one: Undoing) -> Item:
    resource = one.provider.ask_back(one.declared.resource, one.change)
    return Item(one.declared, resource, BECAUSE)


def _key(verdict: Verdict) -> tuple[str, str]:
    assert verdict.provider is not None  # noqa: S101 - an undoing has one
    return verdict.provider.name, verdict.item.declared.resource.identity


def _needed(verdict: Verdict) -> Iterator[str]:
    """The contents that its commands read, which only the host can have."""
    if verdict.provider is None or verdict.change is None:
        return
    for command in verdict.provider.commands(verdict.item.resource.identity, verdict.change):
        yield from command.contents


def _way(provider: AnyProvider, state: Any, wanted: Any) -> Change[Any]:
    """What is still to be done until the state is the wanted one."""
    return Change(
        state if provider.there(state) else None, wanted if provider.there(wanted) else None
    )


def _differs(provider: AnyProvider, now: Any, wanted: Any) -> bool:
    return _way(provider, now, wanted).needed


def _conflict(one: Undoing, now: Any) -> str | None:
    """How a thing is another one than the run has left, as far as the run has touched it."""
    provider, change = one.provider, one.change
    if not provider.there(change.wanted):
        return None if now is None or not one.certain else "it is there again"
    if now is None:
        return "it is gone" if provider.there(change.found) or one.certain else None
    was_there = provider.there(change.found)
    for name in (*sorted(provider.essence), *change.fields):
        seen, left = getattr(now, name), getattr(one.left, name, None)
        before, wanted = getattr(change.found, name, None), getattr(change.wanted, name)
        expected = [left, *([before] if was_there else []), *([] if one.certain else [wanted])]
        if seen not in expected:
            return f"{name}: expected {left!r}, found {seen!r}"
    return None
