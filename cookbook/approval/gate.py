"""The gate before anything is sent: policies, and the approved plan itself."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from pluggy import HookImpl

from cookbook.errors import Unapproved
from cookbook.language.change import Change
from cookbook.planning.step import Permission, Step
from cookbook.plugins.manager import plugins
from cookbook.reports.report import HostReport, Report, shown_changes

_DIGITS = 40
"""Digits of a digest that are shown: enough to tell two apart."""


class Approver(Protocol):
    """A check before a change is sent."""

    def permit(
        self, host: str, step: Step, *, again: bool, stopping: Callable[[], bool]
    ) -> Permission:
        """
        Return True if the change may be sent; called from the thread of each host.

        `again` says that it was sent before, and has failed. `stopping` says that the run
        is to end.
        """
        ...


def objections(plan: Report) -> list[str]:
    """
    Return the objections of all policies to a plan.

    All are asked. One that fails, or returns an unknown value, has objected: it cannot
    have meant yes.
    """
    found: list[str] = []
    for reviewer in plugins().hook.cookbook_review.get_hookimpls():
        try:
            found += _reasons(_ask(reviewer, plan))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is no consent
            name = reviewer.plugin_name
            found.append(f"the reviewer {name} failed: {type(error).__name__}: {error}")
    return found


def _ask(reviewer: HookImpl, plan: Report) -> object:
    """One by itself: a hook that is called as a whole does not say which plugin failed."""
    if reviewer.hookwrapper or reviewer.wrapper:
        raise TypeError("a reviewer is asked by itself, and wraps no other")
    return reviewer.function(*[{"plan": plan}[name] for name in reviewer.argnames])


def _reasons(said: object) -> Iterator[str]:
    """Yield the reasons. Raises TypeError for a value that is none."""
    if said is None:
        return
    for reason in [said] if isinstance(said, str) else said:  # type: ignore[attr-defined]  # or TypeError
        if not isinstance(reason, str) or not reason.strip():
            raise TypeError(f"an objection is text that says why, not {reason!r}")
        yield reason


StepKey = tuple[str, tuple[str, ...]]


class Fence:
    """
    Nothing but what is in a plan.

    What the plan says is unknown may become anything. What comes after a change that may
    bring things that no recipe names (a package, a command) may be found otherwise than
    planned, and so may what is tried again; what is wanted has to be what was approved.
    `loosely` says so of everything.
    """

    def __init__(self, plan: Report, *, loosely: bool = False) -> None:
        self._loosely = loosely
        self._hosts = {name: _planned(host) for name, host in plan.hosts.items()}

    def permit(
        self, host: str, step: Step, *, again: bool, stopping: Callable[[], bool]
    ) -> Permission:
        """See Approver."""
        _ = stopping
        planned = self._hosts.get(host, {}).get(_key(step), [])
        for approved, after_anything in planned:
            loosely = after_anything or again or self._loosely
            if approved.status == "unknown" or _same(approved, step, loosely=loosely):
                return "go"
        return _unapproved(step, [approved for approved, _ in planned])


def _planned(host: HostReport) -> Mapping[StepKey, Sequence[tuple[Step, bool]]]:
    """Return the steps of a plan; with True those after a step that may bring anything."""
    found: dict[StepKey, list[tuple[Step, bool]]] = defaultdict(list)
    loosely = False
    for step in host.steps:
        found[_key(step)].append((step, loosely))
        loosely |= step.status in ("changed", "unknown") and (
            step.provider is None or step.provider.brings_anything(step.target.identity)
        )
    return found


def _key(step: Step) -> StepKey:
    return str(step.resource), step.target.doing


def _same(approved: Step, step: Step, *, loosely: bool) -> bool:
    was, now = approved.change, step.change
    if approved.status != "changed" or was is None or now is None:
        return False
    if not loosely:
        return (was.kind, was.act) == (now.kind, now.act) and _is_as_said(was, now)
    ends = (was.kind == "remove", now.kind == "remove")
    return len({*ends}) == 1 and now.act in (None, was.act) and _wanted_is_in(was, now)


def _is_as_said(was: Change[Any], now: Change[Any]) -> bool:
    """Of what the run itself makes before it removes it, a plan says only what it knows."""
    if now.kind == "remove":
        return was.fields.items() <= now.fields.items()
    return was.fields == now.fields


def _wanted_is_in(was: Change[Any], now: Change[Any]) -> bool:
    """Return True if each property that differs now gets the approved value."""
    if now.kind == "remove":
        return True
    wanted = {name: getattr(was.wanted, name, None) for name in now.fields}
    return all(wanted[name] == pair[1] for name, pair in now.fields.items())


def _unapproved(step: Step, approved: Sequence[Step]) -> Unapproved:
    said = " or ".join(dict.fromkeys(map(_told, approved))) or "nothing"
    return Unapproved(
        f"{step.resource}: approved was {said}; now it would be: {_told(step)}",
        hint="the host has changed since the plan was made; look at a new one",
    )


def _told(step: Step) -> str:
    """Return a change as one line."""
    if step.status != "changed" or step.change is None:
        return f"that it is {step.status}"
    pairs = shown_changes(step).items()
    differs = ", ".join(f"{name}: {_brief(a)} -> {_brief(b)}" for name, (a, b) in pairs)
    act = f", {step.change.act}" if step.change.act and step.change.kind != "act" else ""
    what = step.change.act if step.change.kind == "act" else step.change.kind
    return f"{what}{act}{f' ({differs})' if differs else ''}"


def _brief(value: object) -> str:
    text = "-" if value is None else str(value)
    return f"{text[:_DIGITS]}..." if re.fullmatch("[0-9a-f]{64}", text) else text
