"""The check of removals: their side effects and obstacles, asked before the first of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from cookbook.errors import Refused
from cookbook.language.change import Change
from cookbook.language.probe import Thing
from cookbook.language.provider import AnyProvider
from cookbook.planning.decision import Decision, PlannedChange
from cookbook.planning.planner import Planner
from cookbook.script.shell import Command


def rehearsed(planner: Planner, decisions: Sequence[Decision]) -> list[Decision]:
    """
    Return these decisions in the order of execution; a removal that must not be made is failed.

    Needs one exchange if a provider has a question.
    """
    providers = dict.fromkeys(provider for provider, _ in _changes(decisions))
    asked = {p: q for p in providers if (q := _question(p, decisions)) is not None}
    said = [text.decode(errors="surrogateescape") for text in planner.read(list(asked.values()))]
    return list(_objected(decisions, dict(zip(asked, said, strict=True))))


def _changes(
    decisions: Sequence[Decision],
) -> Iterator[tuple[AnyProvider, tuple[str, Change[Any]]]]:
    for one in decisions:
        if isinstance(one, PlannedChange):
            yield one.provider, (one.name, one.change)


def _question(provider: AnyProvider, decisions: Sequence[Decision]) -> Command | None:
    return provider.preflight([pair for whose, pair in _changes(decisions) if whose is provider])


def _objected(decisions: Sequence[Decision], said: dict[AnyProvider, str]) -> Iterator[Decision]:
    """Yield the decisions; those with an objection fail, and what they keep counts for the next."""
    going = [_going(one) for one in decisions]
    for i, decision in enumerate(decisions):
        why = None
        if isinstance(decision, PlannedChange) and decision.provider in said:
            all_going = frozenset().union(*going)
            why = decision.provider.objection(decision.name, said[decision.provider], all_going)
            if why is not None:
                going[i] = frozenset()
                yield decision.ended("failed", Refused(f"{decision.resource}: {why}"))
        if why is None:
            yield decision


def _going(decision: Decision) -> frozenset[Thing]:
    if not isinstance(decision, PlannedChange) or decision.change.wanted is not None:
        return frozenset()
    before = Change(None, decision.change.found)
    return frozenset(decision.provider.brings(decision.name, before))
