"""Orphans: they are shown, and pruned only if cook created them and the user requests it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from cookbook.applying.change_set import ChangeSet
from cookbook.applying.manifest import QUESTION, Manifest, ManifestEntry, ThingKey
from cookbook.errors import CookError, HostError
from cookbook.hosts.probing import precondition
from cookbook.language.change import Change
from cookbook.language.collection import Declared
from cookbook.language.probe import Thing
from cookbook.language.provider import AnyProvider
from cookbook.language.resource import Resource
from cookbook.planning.decision import Decision, Item, PlannedChange
from cookbook.planning.planner import Planner
from cookbook.planning.removal_check import rehearsed
from cookbook.planning.step import Step, step_of

Revive = Callable[[ManifestEntry], tuple[Resource, AnyProvider]]
"""Returns resource and provider of an entry. Raises CookError if they are not installed here."""


@dataclass
class Orphans:
    """The orphans of a host: entries of the manifest that no declared resource matches."""

    manifest: Manifest
    planner: Planner
    revive: Revive
    prune: bool = False
    ready: bool = False
    """True if the manifests were read."""

    _declared: set[ThingKey] = field(default_factory=set)
    _things: set[Thing] = field(default_factory=set)

    def hear(self, step: Step) -> None:
        """Note a declared resource, with any status; add it to the manifest if it is in line."""
        provider = step.provider or self.planner.provider_or_none(step.resource)
        if provider is None:
            return
        resource = step.resource
        entries = [resource.identity] if resource.lazies else provider.entries(resource)
        self._declared.update((provider.name, one) for one in entries)
        if step.change is not None and step.change.wanted is not None:
            self._things.update(
                provider.brings(resource.identity, Change(None, step.change.wanted))
            )
            if step.status == "ok":
                self.manifest.adopt(step.declared, provider, step.change)

    def read(self) -> None:
        """Read the manifests of the host; no exchange is needed if the answer is known already."""
        self.manifest.read(self.planner.text(QUESTION))
        self.ready = True

    def foresee(self) -> Iterator[Step]:
        """Yield the steps of the orphans in a dry run."""
        for entry, decision in self._rehearsed():
            if self._goes(entry):
                yield replace(
                    step_of(decision),
                    precondition=precondition(decision.probes, self.planner.answers),
                )
            else:
                yield _kept(decision)

    def apply(self, delivery: ChangeSet) -> Iterator[Step]:
        """Prune, the latest thing first; then write the rest of the manifest. Yield the steps."""
        found = self._rehearsed()
        yield from (_kept(decision) for entry, decision in found if not self._goes(entry))
        todo = [decision for entry, decision in found if self._goes(entry)]
        delivery.failed |= any(decision.status == "failed" for decision in todo)
        yield from (step_of(decision) for decision in todo if decision.status == "failed")
        changes = [decision for decision in todo if isinstance(decision, PlannedChange)]
        yield from delivery.work_off(changes, self._decided)
        if command := self.manifest.rest():
            self.planner.write(command)

    def _rehearsed(self) -> list[tuple[ManifestEntry, Decision]]:
        """Return the orphans; removals that must not be made are failed."""
        found = self._found()
        going = {e.key: v for e, v in found if self._goes(e)}
        judged = dict(zip(going, rehearsed(self.planner, list(going.values())), strict=True))
        return [(entry, judged.get(entry.key, decision)) for entry, decision in found]

    def _goes(self, entry: ManifestEntry) -> bool:
        return self.prune and entry.own

    def _found(self) -> list[tuple[ManifestEntry, Decision]]:
        """Return the orphans that still exist, with the change that removes each."""
        left = [(entry, self._undecided(entry)) for entry in self.manifest.left(self._declared)]
        known = [(entry, decision) for entry, decision in left if decision is not None]
        self.planner.refresh(decision.item for _, decision in known)
        judged = [(entry, self._decided(decision)) for entry, decision in known]
        self.manifest.forget(entry for entry, decision in judged if decision.status == "ok")
        return [pair for pair in judged if pair[1].status != "ok" and not self._named(pair[1])]

    def _undecided(self, entry: ManifestEntry) -> Decision | None:
        """Return the decision about an entry; None if its type or provider is not installed."""
        try:
            resource, provider = self.revive(entry)
        except CookError:
            return None
        item = Item(Declared(resource, entry.where), resource)
        return Decision(item, "ok", provider, None, orphan="created" if entry.own else "adopted")

    def _decided(self, before: Decision) -> Decision:
        """Decide by the latest answers: ok if the thing does not exist any more."""
        item, provider, orphan = before.item, before.provider, before.orphan
        if provider is None:
            return before
        try:
            probes = self.planner.probes([item])
            now = self.planner.found(provider, item.resource)
        except HostError as error:
            return Decision(item, "failed", provider, None, error=error, orphan=orphan)
        if not provider.there(now):
            return Decision(item, "ok", provider, None, orphan=orphan)
        change, there = provider.removal(now), provider.there

        def goal(state: Any) -> Change[Any]:
            return Change(state if there(state) else None, None)

        return PlannedChange(item, provider, change, probes, orphan=orphan, goal=goal)

    def _named(self, decision: Decision) -> bool:
        """Return whether a declared resource has the same thing under another name or type."""
        if not isinstance(decision, PlannedChange):
            return False
        before = Change(None, decision.change.found)
        return not self._things.isdisjoint(decision.provider.brings(decision.name, before))


def _kept(decision: Decision) -> Step:
    """Return the step of an orphan that is shown and not removed."""
    shown = Decision(decision.item, "ok", decision.provider, None, orphan=decision.orphan)
    return replace(step_of(shown), status="orphaned")
