"""The changes of a run that can be undone: each thing once, in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from cookbook.language.change import Change
from cookbook.language.collection import Declared
from cookbook.language.field_traits import sensitive_fields
from cookbook.language.provider import AnyProvider
from cookbook.planning.decision import Item
from cookbook.planning.mismatch import differing
from cookbook.planning.step import Step

BECAUSE = "undo"

_TRYING = frozenset({"apply", "notify", "verify"})
"""The phases in which a failed change was begun: a command may have done half of it."""


@dataclass(frozen=True)
class Undoing:
    """The total change of one thing by a run, which may consist of several changes."""

    declared: Declared
    provider: AnyProvider
    change: Change[Any]
    left: Any
    """The state that the run left."""

    certain: bool = True
    """True if that state was probed; False if the link was lost, or the change failed."""

    lost: str | None = None

    @property
    def key(self) -> tuple[str, str]:
        """The provider and the identity of the thing."""
        return self.provider.name, self.declared.resource.identity

    def then(self, later: Undoing) -> Undoing:
        """Join this change and a later one of the same thing."""
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


def undoings(done: Sequence[Step]) -> Iterator[Undoing]:
    """Yield the things that a run has, or may have, changed, in the order of the last change."""
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


def lost_acts(done: Sequence[Step]) -> Iterator[Step]:
    """Yield skipped steps for the effects of a run that cannot be undone."""
    for step in done:
        secret = step.change is None and step.status in ("changed", "unknown")
        if secret:
            why = "its state was not kept: it holds a secret, or its word is the recipe's own"
            yield Step(step.declared, "skipped", lost=why)
        elif _acted(step) and step.change is not None:
            did = "did" if step.status == "changed" else "may have done"
            yield Step(step.declared, "skipped", lost=f"what it {did} ({step.change.act})")


def _acted(step: Step) -> bool:
    """Return whether the step did, or may have done, an act that an undo does not repeat."""
    if step.change is None or step.provider is None:
        return False
    tried = step.status == "failed" and step.error is not None and step.error.phase in _TRYING
    if step.status not in ("changed", "unknown") and not tried:
        return False
    lasting = step.change.act not in step.provider.again | step.provider.traceless
    return step.change.kind == "act" and lasting


def acts(done: Sequence[Step]) -> Iterator[Item]:
    """Yield the restarts and reloads of the run, each once, also of what is undone itself."""
    seen = set()
    for step in done:
        change, provider = step.change, step.provider
        if step.status != "changed" or change is None or provider is None or change.act is None:
            continue
        key = (provider.name, step.resource.identity, change.act)
        if change.act in provider.again and key not in seen:
            seen.add(key)
            resource = replace(step.target, action=change.act)
            yield Item(replace(step.declared, resource=resource), resource, BECAUSE)


def way(provider: AnyProvider, state: Any, wanted: Any) -> Change[Any]:
    """Return the change from a state to the wanted state; absent things become None."""
    return Change(
        state if provider.there(state) else None, wanted if provider.there(wanted) else None
    )


def differs(provider: AnyProvider, now: Any, wanted: Any) -> bool:
    """Return whether a change from a state to the wanted state is needed."""
    return way(provider, now, wanted).needed


def conflict(one: Undoing, now: Any) -> str | None:
    """Describe how a thing differs from the state that the run left; None if it does not."""
    provider, change = one.provider, one.change
    if not provider.there(change.wanted):
        return None if now is None or not one.certain else "it is there again"
    swept = one.certain and one.left is None
    if now is None:
        return "it is gone" if not swept and (one.certain or provider.there(change.found)) else None
    was_there = provider.there(change.found)
    for name in (*sorted(provider.essence), *change.fields):
        seen, left = getattr(now, name), getattr(one.left, name, None)
        before, wanted = getattr(change.found, name, None), getattr(change.wanted, name, None)
        # What went with a package, after it was changed, comes with it as it was changed.
        also = [] if one.certain and not swept else [wanted]
        if seen not in [left, *([before] if was_there else []), *also]:
            hidden = name in sensitive_fields(type(now))
            return differing(one.declared.resource, name, left, seen, hidden=hidden)
    return None


def hollow(one: Undoing, now: Any) -> bool:
    """
    Return whether a removed thing exists again, with a content that its state does not show.

    So it is, too, where the removal failed or was taken back: it may be there, and be empty.
    """
    provider, change = one.provider, one.change
    if now is None or provider.there(change.wanted):
        return False
    return change.found is not None and not provider.tells_all(change.found)
