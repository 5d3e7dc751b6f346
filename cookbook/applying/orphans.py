"""What has left the recipe: shown, and removed only if we created it and are told to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from cookbook.applying.change_set import ChangeSet
from cookbook.applying.manifest import QUESTION, Entry, Key, Manifest
from cookbook.errors import CookError, HostError
from cookbook.hosts.probing import guard
from cookbook.language.change import Change
from cookbook.language.collection import Declared
from cookbook.language.probe import Thing
from cookbook.language.provider import AnyProvider
from cookbook.language.resource import Resource
from cookbook.planning.decision import Decision, Item
from cookbook.planning.planner import Planner
from cookbook.planning.removal_check import rehearsed
from cookbook.planning.step import Step, step_of

Revive = Callable[[Entry], tuple[Resource, AnyProvider]]
"""The resource and the provider that an entry tells of; CookError if they are not known here."""


@dataclass
class Orphans:
    """Knows what is declared, and so what is not any more."""

    manifest: Manifest
    planner: Planner
    revive: Revive
    prune: bool = False
    ready: bool = False
    """Whether the host has been asked."""

    _declared: set[Key] = field(default_factory=set)
    _things: set[Thing] = field(default_factory=set)

    def hear(self, step: Step) -> None:
        """Take note of what is declared, whatever has become of it."""
        provider = step.provider or self.planner.provider_or_none(step.resource)
        if provider is None:
            return
        identity = step.resource.identity
        self._declared.add((provider.name, identity))
        if step.change is not None and step.change.wanted is not None:
            self._things.update(provider.brings(identity, Change(None, step.change.wanted)))
            if step.status == "ok":
                self.manifest.adopt(step.declared, provider, step.change)

    def read(self) -> None:
        """Ask the host what it knows; without cost where that has been asked already."""
        self.manifest.read(self.planner.text(QUESTION))
        self.ready = True

    def foresee(self) -> Iterator[Step]:
        """What there is of them, and what would become of it."""
        for entry, decision in self._rehearsed():
            if self._goes(entry):
                yield replace(step_of(decision), guard=guard(decision.probes, self.planner.answers))
            else:
                yield _kept(decision)

    def apply(self, delivery: ChangeSet) -> Iterator[Step]:
        """Remove what is to be removed, the latest first; then write down what is new."""
        found = self._rehearsed()
        yield from (_kept(decision) for entry, decision in found if not self._goes(entry))
        todo = [decision for entry, decision in found if self._goes(entry)]
        delivery.failed |= any(decision.status == "failed" for decision in todo)
        yield from (step_of(decision) for decision in todo if decision.status == "failed")
        todo = [decision for decision in todo if decision.status == "change"]
        yield from delivery.work_off(todo, self._judged)
        if command := self.manifest.rest():
            self.planner.write(command)

    def _rehearsed(self) -> list[tuple[Entry, Decision]]:
        """Those that are to go, asked what stands in their way."""
        found = self._found()
        going = {e.key: v for e, v in found if self._goes(e)}
        judged = dict(zip(going, rehearsed(self.planner, list(going.values())), strict=True))
        return [(entry, judged.get(entry.key, decision)) for entry, decision in found]

    def _goes(self, entry: Entry) -> bool:
        return self.prune and entry.own

    def _found(self) -> list[tuple[Entry, Decision]]:
        """Each of them that is still there, and how it would be removed."""
        left = [(entry, self._unjudged(entry)) for entry in self.manifest.left(self._declared)]
        known = [(entry, decision) for entry, decision in left if decision is not None]
        self.planner.refresh(decision.item for _, decision in known)
        judged = [(entry, self._judged(decision)) for entry, decision in known]
        self.manifest.forget(entry for entry, decision in judged if decision.status == "ok")
        return [pair for pair in judged if pair[1].status != "ok" and not self._named(pair[1])]

    def _unjudged(self, entry: Entry) -> Decision | None:
        """None for a word or a provider that is not installed here: nobody could remove it."""
        try:
            resource, provider = self.revive(entry)
        except CookError:
            return None
        item = Item(Declared(resource, entry.where), resource)
        return Decision(item, "ok", provider, orphan="created" if entry.own else "adopted")

    def _judged(self, decision: Decision) -> Decision:
        """By the latest answers: ok, if it is not there any more."""
        provider, resource = decision.provider, decision.item.resource
        assert provider is not None  # noqa: S101 - see _unjudged
        try:
            probes = self.planner.probes([decision.item])
            now = self.planner.found(provider, resource)
        except HostError as error:
            return replace(decision, status="failed", error=error)
        if not provider.there(now):
            return replace(decision, status="ok", change=None)
        return replace(
            decision,
            status="change",
            change=provider.removal(now),
            probes=probes,
            goal=lambda state: Change(state if provider.there(state) else None, None),
        )

    def _named(self, decision: Decision) -> bool:
        """Whether what is declared is about the same thing, under another name or word."""
        provider, change = decision.provider, decision.change
        if provider is None or change is None:
            return False
        things: Any = provider.brings(decision.item.resource.identity, Change(None, change.found))
        return not self._things.isdisjoint(things)


def _kept(decision: Decision) -> Step:
    """It is shown, and stays."""
    step = step_of(replace(decision, status="ok", change=None, error=None))
    return replace(step, status="orphaned")
