"""
The causes of differences: drift (the host has changed) or intent (the recipe has).

Puppet reports `corrective_change` from the memory of its agents. Here the history of runs knows
the state that each run left: if the host differs from that state, the host has changed (drift);
if it does not, the declaration has (intent).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Protocol

from cookbook.history.ignore_rules import Ignore
from cookbook.history.step_record import StateRecord, state_record
from cookbook.planning.status import Cause, Excuse
from cookbook.planning.step import Step
from cookbook.reports.report import HostReport, Report, drifted


@dataclass(frozen=True)
class Known:
    """The known past of one resource of one host."""

    left: dict[str, Any] | None
    """The state as JSON after the last run that changed anything; None if the thing was absent."""

    in_line: bool
    """True if that was the wanted state then."""

    run: str
    since: str | None = None
    """The first time of the unbroken row, up to now, in which it was seen not to be in line."""

    wanted: dict[str, Any] | None = None


class Past(Protocol):
    """The interface to the results of earlier runs."""

    def of(self, host: str, machine_id: str, ids: Sequence[str]) -> Mapping[str, Known]:
        """Return the known past of these resources of a host; unknown ones are left out."""
        ...


class NoPast:
    """Nothing is remembered."""

    def of(self, host: str, machine_id: str, ids: Sequence[str]) -> Mapping[str, Known]:
        """Nothing."""
        return {}


def annotated(report: Report, past: Past, ignores: Sequence[Ignore], today: date) -> Report:
    """Return the report with cause, since and excuse of each step that is not in line."""
    valid = [ignore for ignore in ignores if not ignore.expired(today)]
    hosts = {
        name: replace(host, steps=list(_steps(host, report.origin.started, past, valid)))
        for name, host in report.hosts.items()
    }
    remarks = [*report.remarks, *_remarks(report, ignores, today)]
    return replace(report, hosts=hosts, remarks=remarks)


def _steps(host: HostReport, started: str, past: Past, ignores: Sequence[Ignore]) -> Iterable[Step]:
    ids = list(dict.fromkeys(str(step.resource) for step in host.steps))
    known = past.of(host.name, host.machine_id, ids) if ids else {}
    for step in host.steps:
        if step.status == "unmanaged":
            yield replace(step, excused=_excuse(host.name, step, ignores))
            continue
        if not drifted(step):
            yield step
            continue
        before = known.get(str(step.resource))
        yield replace(
            step,
            cause=_cause(step, before) if known else None,
            since=(before.since if before is not None else None) or started,
            excused=_excuse(host.name, step, ignores),
        )


# -- drift or intent -------------------------------------------------------------------------------


def _cause(step: Step, known: Known | None) -> Cause | None:
    """Return the cause; None if the resource has no state, or one that is not kept."""
    record = state_record(step) if step.status == "changed" else None
    if record is None or step.change is None:
        return None
    if known is None:
        return "intent"  # the host has a past, and this resource has no part in it
    return cause(known.left, record, step.change.fields)


def cause(left: dict[str, Any] | None, now: StateRecord, fields: Iterable[str]) -> Cause:
    """Return the cause: the host has changed since (drift), or the declaration has (intent)."""
    found, wanted = now["found"], now["wanted"]
    if wanted is None:
        return "drift" if left is None else "intent"  # it has come back; or: it is to go
    if found is None:
        return "intent" if left is None else "drift"  # it was never there; or: it is gone
    if left is None or any(_has_moved(left, found, wanted, name) for name in fields):
        return "drift"
    return "intent"


def _has_moved(
    left: Mapping[str, Any], found: Mapping[str, Any], wanted: Mapping[str, Any], name: str
) -> bool:
    if name not in left:  # a property that an older version did not know
        return False
    return bool(left[name] == wanted[name] or left[name] != found[name])


# -- ignored drift ---------------------------------------------------------------------------------


def _excuse(host: str, step: Step, ignores: Sequence[Ignore]) -> Excuse | None:
    """Return the first matching ignore entry if the entries cover all that differs."""
    if step.status not in ("changed", "unknown", "unmanaged"):
        return None  # a failed question is no drift, and no ignore entry can match it
    about = [ignore for ignore in ignores if ignore.about(host, str(step.resource))]
    fields = set(step.change.fields) if step.change is not None else set()
    covering = [ignore for ignore in about if ignore.property is None or ignore.covers(fields)]
    left = fields.difference(*(ignore.covers(fields) for ignore in covering))
    return covering[0].excuse() if covering and not left else None


def _remarks(report: Report, ignores: Sequence[Ignore], today: date) -> Iterable[str]:
    """Yield remarks on the ignore list itself: entries that have expired or match nothing."""
    pairs = {
        (host.name, str(step.resource)) for host in report.hosts.values() for step in host.steps
    }
    for ignore in ignores:
        if ignore.expired(today):
            yield f"{ignore.at}: {ignore.match} expired on {ignore.until}, and counts again"
        elif not any(ignore.about(host, resource) for host, resource in pairs):
            yield f"{ignore.at}: {ignore.match} matches nothing in this report"
