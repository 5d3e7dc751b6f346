"""
The document of an audit: what `cook audit --output json` prints, and what each report is made of.

All are plain JSON values. Times are ISO 8601 in UTC, durations are in seconds, paths are from the
current directory. No secret is in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Literal, NamedTuple, TypedDict

from cookbook.audit.severity import Severity
from cookbook.planning.status import HostStatus
from cookbook.reports.schema import ErrorDocument

ControlStatus = Literal["passed", "failed", "waived", "not applicable", "error"]

STATUSES: tuple[ControlStatus, ...] = ("failed", "error", "waived", "not applicable", "passed")
"""All statuses, in the order in which they are shown."""

SCHEMA = 1


class WaiverDocument(TypedDict):
    """The waiver that covers a failure."""

    reason: str
    expires: str
    """The last day on which it counts: `2026-12-31`."""

    by: str | None
    at: str
    """File and line."""


class JudgementDocument(TypedDict):
    """The result of a control on one host."""

    status: ControlStatus
    reasons: list[str]
    """Of a failure: what differs. Of an error: why it could not be judged."""

    waiver: WaiverDocument | None
    """The waiver, if the status is `waived`."""


class ControlDocument(TypedDict):
    """One control, with its result on each host."""

    id: str
    title: str
    severity: Severity
    rationale: str
    remedy: str
    references: list[str]
    where: str
    """File and line of its declaration."""

    hosts: dict[str, JudgementDocument]


class AuditedHost(TypedDict):
    """One host: how far it could be asked."""

    status: HostStatus
    seconds: float
    exchanges: int
    error: ErrorDocument | None


class AuditDocument(TypedDict):
    """An audit."""

    schema: int
    audit: str
    """The id of the run."""

    profile: str
    exit: int
    started: str
    seconds: float
    version: str
    by: str
    command: list[str]
    revision: str | None
    """Git's revision of the profile."""

    hosts: dict[str, AuditedHost]
    controls: list[ControlDocument]
    totals: dict[ControlStatus, int]
    """Results of all controls on all hosts."""

    remarks: list[str]
    """Waivers that have expired, or will soon."""


class EqualResults(NamedTuple):
    """Hosts with the same result of a control."""

    hosts: list[str]
    judgement: JudgementDocument


def alike(control: ControlDocument) -> list[EqualResults]:
    """Return the results of a control, hosts with equal ones together; the worst first."""
    found: dict[tuple[object, ...], EqualResults] = {}
    for host, one in control["hosts"].items():
        waiver = one["waiver"]["at"] if one["waiver"] is not None else ""
        key = (one["status"], tuple(one["reasons"]), waiver)
        found.setdefault(key, EqualResults([], one)).hosts.append(host)
    return sorted(found.values(), key=lambda group: STATUSES.index(group.judgement["status"]))


def worst(control: ControlDocument) -> ControlStatus:
    """Return the worst status of a control on any host."""
    statuses = {one["status"] for one in control["hosts"].values()}
    for status in STATUSES:
        if status in statuses:
            return status
    return "not applicable"


def totals(controls: list[ControlDocument]) -> dict[ControlStatus, int]:
    """Return the number of results of each status."""
    counted = Counter(one["status"] for control in controls for one in control["hosts"].values())
    return {status: counted[status] for status in STATUSES}


def judgements(document: AuditDocument) -> Iterator[tuple[ControlDocument, str, JudgementDocument]]:
    """Yield each result: the control, the host, the result."""
    for control in document["controls"]:
        for host, judgement in control["hosts"].items():
            yield control, host, judgement


def sentence(judgement: JudgementDocument) -> str:
    """Return a result in one line, without its status."""
    waiver = judgement["waiver"]
    return "; ".join([*judgement["reasons"], *([waived(waiver)] if waiver is not None else [])])


def waived(waiver: WaiverDocument) -> str:
    """Return a waiver in one line."""
    by = f" by {waiver['by']}" if waiver["by"] else ""
    return f"waived until {waiver['expires']}{by}: {waiver['reason']}"
