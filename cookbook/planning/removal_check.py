"""The check of removals: their side effects and obstacles, asked before the first of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeGuard

from cookbook.errors import HostError, Refused
from cookbook.language.change import Change
from cookbook.language.probe import Thing, with_name
from cookbook.language.provider import AnyProvider
from cookbook.planning.decision import Decision, PlannedChange
from cookbook.planning.planner import Planner
from cookbook.script.program import Outcome
from cookbook.script.run_as import as_user
from cookbook.script.shell import Command

_Asker = tuple[AnyProvider, str | None]
"""A provider, and the user that it asks as; None: the user of the run."""


def rehearsed(planner: Planner, decisions: Sequence[Decision]) -> list[Decision]:
    """
    Return these decisions in the order of execution; a removal that must not be made is failed.

    Needs one exchange if a provider has a question. If that fails, the obstacles are
    unknown, and the changes that it is about are failed as well.
    """
    questions = dict(_questions(decisions))
    outcomes = planner.outcomes(list(questions.values()))
    return list(_objected(decisions, dict(zip(questions, outcomes, strict=True))))


def _questions(decisions: Sequence[Decision]) -> Iterator[tuple[_Asker, Command]]:
    """Yield the question of each provider, by the user who owns what is removed."""
    changes: dict[_Asker, list[tuple[str, Change[Any]]]] = {}
    for one in decisions:
        if _is_asked_about(one):
            changes.setdefault(_asker(one), []).append((one.name, one.change))
    for (provider, user), pairs in changes.items():
        if (question := provider.preflight(pairs)) is not None:
            named = with_name(question, f"look for what keeps {', '.join(n for n, _ in pairs)}")
            yield (provider, user), as_user(user, named)


def _is_asked_about(decision: Decision) -> TypeGuard[PlannedChange]:
    """Return whether the provider has a question about this change."""
    return isinstance(decision, PlannedChange) and (
        decision.provider.preflight([(decision.name, decision.change)]) is not None
    )


def _asker(planned: PlannedChange) -> _Asker:
    return planned.provider, planned.resource.become_user


def _objected(decisions: Sequence[Decision], told: Mapping[_Asker, Outcome]) -> Iterator[Decision]:
    """Yield the decisions; those with an objection fail, and what they keep counts for the next."""
    going = [_going(one) for one in decisions]
    for i, decision in enumerate(decisions):
        why = None
        if _is_asked_about(decision):
            all_going = frozenset().union(*going)
            why = _objection(decision, told[_asker(decision)], all_going)
            if why is not None:
                going[i] = frozenset()
                yield decision.ended("failed", Refused(f"{decision.resource}: {why}"))
        if why is None:
            yield decision


def _objection(planned: PlannedChange, told: Outcome, going: frozenset[Thing]) -> str | None:
    """Return the reason against a change; a question without an answer is one."""
    unknown = "what stands against it cannot be found out"
    if told.status != 0 or told.cut:
        return f"{unknown}: {told.last_words or f'exit status {told.status}'}"
    try:
        return planned.provider.objection(planned.name, told.text, going)
    except (HostError, ValueError) as error:
        return f"{unknown}: {error}"


def _going(decision: Decision) -> frozenset[Thing]:
    if not isinstance(decision, PlannedChange) or decision.change.wanted is not None:
        return frozenset()
    before = Change(None, decision.change.found)
    return frozenset(decision.provider.brings(decision.name, before))
