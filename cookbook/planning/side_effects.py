"""The side effects of planned changes: what a tool would do besides, asked for a plan only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from cookbook.language.change import Change
from cookbook.language.probe import with_name
from cookbook.language.provider import AnyProvider
from cookbook.language.resource import Resource
from cookbook.planning.decision import Decision, PlannedChange
from cookbook.planning.forecast import Pending
from cookbook.script.run_as import as_user
from cookbook.script.shell import Command


@dataclass
class Rehearsal:
    """Changes of a plan that a tool can make together, wherever they stand in it."""

    numbers: list[int]
    """Their places among the decisions; the remark stands at the first of them."""

    provider: AnyProvider
    user: str | None
    pairs: list[tuple[str, Change[Any]]]
    before: Resource | None
    """An earlier resource of the plan whose change alters what the answer depends on."""

    def admits(self, planned: PlannedChange) -> bool:
        """Return whether the tool can make this change together with these."""
        if planned.provider is not self.provider or planned.resource.become_user != self.user:
            return False
        pair = (planned.name, planned.change)
        return self.provider.together([*self.pairs, pair]) is not None

    @property
    def question(self) -> Command | None:
        """The question for their side effects; None if there is none."""
        if (asked := self._asked) is None:
            return None
        names = ", ".join(name for name, _ in self.pairs)
        return as_user(self.user, with_name(asked, f"look for side effects of {names}"))

    @property
    def _asked(self) -> Command | None:
        return self.provider.rehearsal(self.pairs)

    def remark(self, said: bytes) -> str | None:
        """Return the remark by the answer; None without any side effect."""
        told = self.provider.side_effects(self.pairs, said.decode(errors="surrogateescape"))
        if told is None or self.before is None:
            return told
        return f"{told}; {self.before} may change that: it is said as things are before it"


def rehearsals(decisions: Sequence[Decision]) -> list[Rehearsal]:
    """Return the rehearsals of a plan: those of one kind together, so that each costs once."""
    found: list[Rehearsal] = []
    for number, planned in _concerned(decisions):
        known = next((one for one in found if one.admits(planned)), None)
        if known is None:
            user = planned.resource.become_user
            before = _before(planned.provider, decisions[:number])
            known = Rehearsal([], planned.provider, user, [], before)
            found.append(known)
        known.numbers.append(number)
        known.pairs.append((planned.name, planned.change))
    return found


def _before(provider: AnyProvider, decisions: Sequence[Decision]) -> Resource | None:
    """Return the last resource that alters what a rehearsal depends on; None if none does."""
    for one in reversed(decisions):
        if provider.rehearsed is None or one.status not in ("change", "unknown"):
            continue
        pending = Pending(one.item.resource, one.provider, one.change)
        if provider.rehearsed in pending.alters:
            return one.item.resource
    return None


def _concerned(decisions: Sequence[Decision]) -> Iterator[tuple[int, PlannedChange]]:
    for number, one in enumerate(decisions):
        if isinstance(one, PlannedChange):
            pair = (one.name, one.change)
            if one.provider.rehearsal([pair]) is not None:
                yield number, one
