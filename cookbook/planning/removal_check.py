"""What removals would do besides, or what stands in their way: asked of all before the first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from cookbook.errors import Refused
from cookbook.language.change import Change
from cookbook.language.probe import Thing
from cookbook.language.provider import AnyProvider
from cookbook.planning.decision import Verdict
from cookbook.planning.planner import Judge
from cookbook.script.shell import Command


def rehearsed(judge: Judge, verdicts: Sequence[Verdict]) -> list[Verdict]:
    """
    These verdicts, in the order in which they are to be done; failed is what must not be done.

    Costs an exchange, if a provider has something to ask.
    """
    providers = dict.fromkeys(provider for provider, _ in _changes(verdicts))
    asked = {p: q for p in providers if (q := _question(p, verdicts)) is not None}
    said = [text.decode(errors="surrogateescape") for text in judge.read(list(asked.values()))]
    return list(_objected(verdicts, dict(zip(asked, said, strict=True))))


def _changes(
    verdicts: Sequence[Verdict],
) -> Iterator[tuple[AnyProvider, tuple[str, Change[Any]]]]:
    for one in verdicts:
        if one.status == "change" and one.provider is not None and one.change is not None:
            yield one.provider, (one.item.resource.identity, one.change)


def _question(provider: AnyProvider, verdicts: Sequence[Verdict]) -> Command | None:
    return provider.rehearsal([pair for whose, pair in _changes(verdicts) if whose is provider])


def _objected(verdicts: Sequence[Verdict], said: dict[AnyProvider, str]) -> Iterator[Verdict]:
    """What stays because of an objection may be in the way of the next one."""
    going = [_going(one) for one in verdicts]
    for i, verdict in enumerate(verdicts):
        provider, resource = verdict.provider, verdict.item.resource
        why = None
        if provider in said and provider is not None and verdict.status == "change":
            all_going = frozenset().union(*going)
            why = provider.objection(resource.identity, said[provider], all_going)
        if why is None:
            yield verdict
            continue
        going[i] = frozenset()
        yield replace(verdict, status="failed", error=Refused(f"{resource}: {why}"))


def _going(verdict: Verdict) -> frozenset[Thing]:
    provider, change = verdict.provider, verdict.change
    if (
        provider is None
        or change is None
        or verdict.status != "change"
        or change.wanted is not None
    ):
        return frozenset()
    return frozenset(provider.brings(verdict.item.resource.identity, Change(None, change.found)))
