"""
The view of a plan for its approval: each change once, with its hosts.

`cook plan` lists changes host by host, and joins hosts with equal changes. This view lists the
changes of the whole fleet.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from cookbook.cli.report_lines import step_lines
from cookbook.planning.step import Step
from cookbook.reports.report import Report, error_json
from cookbook.reports.text import StyledLine, error_lines

_NAMED = 5
"""The number of hosts that are named before the rest is counted."""

_DONE = {"create": "to create", "update": "to update", "remove": "to remove", "act": "to run"}


@dataclass
class _Group:
    """Changes that look the same, whichever host they are for."""

    lines: Sequence[StyledLine]
    resource: str

    hosts: list[str] = field(default_factory=list)


def grouped_lines(report: Report) -> Iterator[StyledLine]:
    """Identical changes together, in the order of the recipe, then errors and the sum."""
    for group in _groups(report):
        (style, first), *more = group.lines
        yield style, f"{first}  {_on(group.hosts, len(report.hosts))}"
        yield from more
    for host in report.hosts.values():
        if host.error is not None:
            yield "bold red", f"{host.name}: {host.status}"
            yield from error_lines(error_json(host.error), "  ")
    yield "bold", totals(report)


def totals(report: Report) -> str:
    """Return the number of changes of each kind, in one line."""
    steps = [step for host in report.hosts.values() for step in host.steps]
    counts = Counter(map(_kind, steps))
    order = [*_DONE.values(), "unknown", "failed"]
    told = [f"{counts[kind]} {kind}" for kind in order if counts[kind]]
    concerned = sum(any(map(_shown, host.steps)) for host in report.hosts.values())
    noun = "host" if len(report.hosts) == 1 else "hosts"
    return f"{concerned} of {len(report.hosts)} {noun}: {', '.join(told) or 'nothing to do'}."


def _groups(report: Report) -> list[_Group]:
    found: dict[tuple[StyledLine, ...], _Group] = {}
    turns: dict[str, int] = {}
    for host in report.hosts.values():
        for turn, step in enumerate(host.steps):
            key = str(step.resource)
            turns[key] = max(turn, turns.get(key, 0))  # other hosts may have less before it
            if _shown(step):
                lines = tuple(step_lines(step))
                found.setdefault(lines, _Group(lines, key)).hosts.append(host.name)
    return sorted(found.values(), key=lambda group: turns[group.resource])


def _on(names: Sequence[str], hosts: int) -> str:
    names = list(dict.fromkeys(names))
    if len(names) == 1:
        return f"on {names[0]}"
    shown = [*names[:_NAMED], *(["..."] if len(names) > _NAMED else [])]
    every = "all " if len(names) == hosts else ""
    return f"on {every}{len(names)} hosts ({', '.join(shown)})"


def _shown(step: Step) -> bool:
    return step.status in ("changed", "unknown", "failed")


def _kind(step: Step) -> str:
    if step.status == "changed" and step.change is not None:
        return _DONE.get(step.change.kind, "to change")
    return step.status
