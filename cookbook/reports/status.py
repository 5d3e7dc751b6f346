"""The text of `cook status`: hosts with equal outcomes together."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypedDict

from cookbook.reports.text import StyledLine
from cookbook.text.listing import named
from cookbook.text.spans import span_of
from cookbook.text.yaml_value import shown

_NAMES = 4
"""Hosts that are named in a line; `-v` names all."""

_RESOURCES = 3
_LONGEST = 60
_DIGEST = re.compile(r"[0-9a-f]{64}")
_REVISION = 10
_HEADING = ("HOSTS", "STATE", "LAST RUN", "REVISION", "LAST SUCCESS", "NOT IN LINE")


class VisitDocument(TypedDict):
    """A visit of a run to a host; `age` is in seconds."""

    run: str
    mode: str
    started: str
    age: float | None
    status: str
    revision: str | None
    desired: str | None
    recipes: list[str]
    set: str
    by: str


class OutOfLine(TypedDict):
    """A resource that is not in line, with its cause and since when, if known."""

    resource: str
    status: str
    cause: str | None
    since: str | None


class LeftDocument(TypedDict):
    """The resources that another set than that of the last look has left so, or has not run."""

    set: str
    run: str
    started: str
    age: float | None
    resources: list[str]


class HostStatusDocument(TypedDict):
    """The picture of one host."""

    groups: list[str]
    environment: str | None
    features: Mapping[str, bool | None]
    result: str
    revision: str | None
    desired: str | None
    """The digest of the desired state that it is in line with."""
    asks_anew: bool | None
    """True if the newest look asked for another desired state; None if that is not known."""
    last: VisitDocument | None
    success: VisitDocument | None
    looked: VisitDocument | None
    resources: int
    out: list[OutOfLine]
    pending: list[str]
    left: list[LeftDocument]


class RolloutDocument(TypedDict):
    """A rollout that has not ended."""

    id: str
    status: str
    """`at work`, `paused`, or `left` by its controller."""

    by: str
    started: str
    gate: Mapping[str, Any] | None
    """The group and the batch that wait for a promotion."""

    told: str


class StatusDocument(TypedDict):
    """The picture of a fleet, as `cook status --output json` prints it."""

    schema: int
    at: str
    by: str
    totals: Mapping[str, int]
    groups: Mapping[str, list[str]]
    hosts: Mapping[str, HostStatusDocument]
    rollouts: Sequence[RolloutDocument]


class ComparisonDocument(TypedDict):
    """The differences between two hosts, or between a host and the others of its group."""

    schema: int
    sides: list[str]
    of: int | None
    """The number of the others; None if two hosts are compared."""

    rows: list[dict[str, Any]]


class Alike(NamedTuple):
    """Hosts of a group with the same outcome."""

    names: list[str]
    host: HostStatusDocument
    """One of them."""

    last: str
    """When they were visited: `2 h ago`, or `1 h to 3 h ago`."""

    success: str


def alike(document: StatusDocument, names: Sequence[str]) -> list[Alike]:
    """Return these hosts, those with equal outcomes together; what is wrong comes first."""
    found: dict[tuple[object, ...], list[str]] = {}
    for name in names:
        found.setdefault(_outcome(document["hosts"][name]), []).append(name)
    groups = [
        Alike(
            members,
            document["hosts"][members[0]],
            _ages([document["hosts"][name]["last"] for name in members]),
            _ages([document["hosts"][name]["success"] for name in members]),
        )
        for members in found.values()
    ]
    return sorted(
        groups, key=lambda one: one.host["result"] == "in line" and not one.host["pending"]
    )


def _outcome(host: HostStatusDocument) -> tuple[object, ...]:
    last = host["last"]
    return (
        host["result"],
        None if last is None else (last["mode"], last["status"]),
        host["revision"],
        tuple((one["resource"], one["status"]) for one in host["out"]),
        tuple(host["pending"]),
    )


def _ages(visits: Sequence[VisitDocument | None]) -> str:
    ages = [visit["age"] for visit in visits if visit is not None and visit["age"] is not None]
    if not ages:
        return "-"
    newest, oldest = span_of(min(ages)), span_of(max(ages))
    return f"{newest} ago" if newest == oldest else f"{newest} to {oldest} ago"


def revision_text(revision: str | None) -> str:
    """
    Return a revision in its short form; `-` without one.

    >>> revision_text("0123456789abcdef0123456789abcdef01234567-dirty")
    '0123456789-dirty'
    """
    commit, dash, rest = (revision or "-").partition("-dirty")
    return f"{commit[:_REVISION] if len(commit) == 40 else commit[:30]}{dash}{rest}"


def not_in_line(host: HostStatusDocument, most: int = _RESOURCES) -> str:
    """Return the resources that are not in line, and what is pending; `-` if there is nothing."""
    resources = list(dict.fromkeys(one["resource"] for one in host["out"]))
    parts = [f"{len(resources)}: {named(resources, most)}"] if resources else []
    return "; ".join([*parts, *host["pending"]]) or "-"


def status_lines(document: StatusDocument, *, verbose: bool = False) -> Iterator[StyledLine]:
    """Yield the picture, group by group, then the totals."""
    for group, names in document["groups"].items():
        count = len(names)
        title = group if document["by"] == "group" else f"{document['by']} {group}"
        yield "bold", f"{title} ({count} host{'s'[: count != 1]})"
        most = count if verbose else _NAMES
        groups = alike(document, names)
        rows = [_HEADING, *(_row(one, most, verbose=verbose) for one in groups)]
        styles = ["dim", *(_style(one.host["result"]) for one in groups)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADING))]
        for style, row in zip(styles, rows, strict=True):
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            yield style, f"  {'  '.join(cells)}".rstrip()
    yield from (("yellow", line) for line in left_lines(document, verbose=verbose))
    yield from (("yellow", one["told"]) for one in document["rollouts"])
    yield "", _sum(document)


def left_lines(document: StatusDocument, *, verbose: bool = False) -> Iterator[str]:
    """Yield a line for each set that has left something, with the command that gives it up."""
    hosts: dict[str, list[str]] = {}
    ages: dict[str, list[float]] = {}
    for name, host in document["hosts"].items():
        for left in host["left"]:
            hosts.setdefault(left["set"], []).append(name)
            ages.setdefault(left["set"], []).extend(
                [left["age"]] if left["age"] is not None else []
            )
    for of_set, names in hosts.items():
        age = f", {span_of(min(ages[of_set]))} ago"
        which = named(names, len(names) if verbose else _NAMES)
        yield (
            f"left by the last run of the set {of_set}{age}: {which}. Run it again; or, if it is"
            f" given up: cook history retire {shlex.quote(of_set)}"
        )


def _row(one: Alike, most: int, *, verbose: bool) -> tuple[str, ...]:
    last = one.host["last"]
    resources = len(one.host["out"]) if verbose else _RESOURCES
    return (
        named(one.names, most),
        one.host["result"],
        "-" if last is None else f"{last['mode']} {one.last}",
        revision_text(one.host["revision"]),
        one.success,
        not_in_line(one.host, resources),
    )


def _style(result: str) -> str:
    if result in ("in line", "never"):
        return "" if result == "in line" else "dim"
    return "yellow" if result == "out of line" else "red"


def _sum(document: StatusDocument) -> str:
    count = len(document["hosts"])
    results = ", ".join(f"{number} {result}" for result, number in document["totals"].items())
    return f"{count} host{'s'[: count != 1]}: {results}."


def comparison_lines(document: ComparisonDocument) -> Iterator[StyledLine]:
    """Yield the differences as a table."""
    of = document["of"]
    heading = ["", *document["sides"], *(["HOW MANY"] if of is not None else [])]
    rows = [heading]
    for row in document["rows"]:
        counted = [f"{row['count']} of {of}"] if of is not None else []
        rows.append([row["what"], *compared_values(row), *counted])
    if len(rows) == 1:
        yield "", f"{document['sides'][0]} does not differ from {document['sides'][1]}"
        return
    widths = [max(len(row[column]) for row in rows) for column in range(len(heading))]
    for number, line in enumerate(rows):
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        yield "bold" if number == 0 else "", "  ".join(cells).rstrip()


def compared_values(row: Mapping[str, Any]) -> list[str]:
    """Return the values of a row of a comparison as they are shown."""
    short = revision_text if row["what"] == "revision" else value_text
    return [short(value) for value in row["values"]]


def value_text(value: object) -> str:
    """
    Return a value on one short line; `-` for none. A digest is cut.

    >>> value_text({"mode": "0644", "owner": None, "size": 3})
    'mode 0644, size 3'
    """
    if value is None:
        return "-"
    if isinstance(value, dict):
        parts = [f"{key} {value_text(one)}" for key, one in value.items() if one is not None]
        text = ", ".join(parts) or "{}"
    else:
        text = value if isinstance(value, str) else shown(value)
    if _DIGEST.fullmatch(text):
        return text[:_REVISION]
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
