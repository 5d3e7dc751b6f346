"""The results of a run as values, and as the JSON document for other programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cookbook import __version__
from cookbook.errors import CookError, InputError
from cookbook.language.change import Change
from cookbook.language.resource import Resource
from cookbook.planning.status import LOOKING, HostStatus, Mode, one_each
from cookbook.planning.step import FeatureEffect, Step
from cookbook.reports.run_info import FactsUse
from cookbook.reports.schema import (
    SCHEMA,
    Document,
    ErrorDocument,
    FeatureDocument,
    HostDocument,
    ResourceDocument,
)
from cookbook.secrets.secret import Secret, holds_secret
from cookbook.text.provenance import Origin
from cookbook.text.redaction import protected
from cookbook.text.sanitize import visible

_DIFFERING = frozenset({"changed", "unknown", "failed", "not-run"})
"""The statuses of a resource that is not in line, or was not when it was looked at."""

_FAILED = frozenset({"failed", "timeout", "refused"})


@dataclass(frozen=True)
class HostReport:
    """The one terminal state of a host, and how it came about."""

    name: str
    status: HostStatus
    steps: Sequence[Step] = ()
    seconds: float = 0.0
    began: float = 0.0
    """Seconds since the beginning of the run."""

    exchanges: int = 0
    """The number of exchanges after the session was opened."""

    error: CookError | None = None
    """The error that ended the host, if it belongs to no resource."""

    machine_id: str = ""
    """The machine-id(5), if it was read."""

    looks: bool = True
    """Nothing was changed: what is said to be changed would be."""

    desired: str | None = None
    """The digest of the desired state; None where none was declared, or the recipe has failed."""

    @property
    def in_line(self) -> float | None:
        """Percent of what can be in line; None where the host could not be asked."""
        return None if self.status == "unreachable" else share(self.steps, looks=self.looks)


@dataclass(frozen=True)
class Report:
    """A run over many hosts."""

    run: str
    mode: Mode
    hosts: Mapping[str, HostReport] = field(default_factory=dict)
    interrupted: bool = False
    origin: Origin = field(default_factory=Origin)
    revision: str | None = None
    """Git's, of the recipes."""

    set: str = ""
    """The name of the set of recipes, on hosts."""

    recipes: Sequence[str] = ()
    sources: Mapping[str, str] = field(default_factory=dict)
    """Path -> SHA-256 of all that was read for it."""

    seconds: float = 0.0
    objections: Sequence[str] = ()
    """Of a plan: what reviewers have against it."""
    remarks: Sequence[str] = ()
    """Remarks for the reader: for example an ignore entry that has expired."""

    facts: Mapping[str, FactsUse] = field(default_factory=dict)
    """The facts that recipes have read of other hosts, by host."""

    @property
    def exit(self) -> int:
        """The exit status: see the table in README.md."""
        statuses = {host.status for host in self.hosts.values()}
        if self.interrupted:
            return 130
        if statuses & _FAILED:
            wrong = [isinstance(host.error, InputError) for host in self.hosts.values()]
            return 1 if all(wrong) else 3
        if self.objections:
            return 3
        if "unreachable" in statuses:
            return 4
        if self.mode == "apply" and self.totals["unknown"]:
            return 2
        return 2 if self.looks and self._pending else 0

    @property
    def looks(self) -> bool:
        """Return True if nothing was changed: `changed` means that it would be."""
        return self.mode in LOOKING

    @property
    def totals(self) -> Counter[str]:
        """Return the number of resources of each status."""
        return Counter(
            status
            for host in self.hosts.values()
            for status in one_each((_place(step), step.status) for step in host.steps)
        )

    @property
    def in_line(self) -> float | None:
        """Percent of what can be in line, over all hosts that could be asked."""
        hosts = [host for host in self.hosts.values() if host.status != "unreachable"]
        steps = (step for host in hosts for step in host.steps)
        return share(steps, looks=self.looks) if hosts else None

    @property
    def _pending(self) -> bool:
        steps = [step for host in self.hosts.values() for step in host.steps]
        if self.mode == "drift":
            return any(drifted(step) or _unexpected(step) for step in steps)
        return any(step.status in ("changed", "unknown") for step in steps)


def _place(step: Step) -> tuple[str, str]:
    """Return what tells one resource of a host from another; a notification of it does not."""
    return str(step.resource), step.declared.where


def drifted(step: Step) -> bool:
    """Return whether a host differs from it; acts and excused differences do not count."""
    if step.excused is not None or (step.change is not None and step.change.kind == "act"):
        return False
    return step.status in _DIFFERING


def _unexpected(step: Step) -> bool:
    return step.status == "unmanaged" and step.excused is None


def share(steps: Iterable[Step], *, looks: bool) -> float:
    """
    Percent of the resources that are in line, of those that can be.

    An orphan is not declared, a command that is run at each turn has no state. What was
    changed is in line, unless the run was one that only looks.
    """
    counted = [
        step
        for step in steps
        if step.status not in ("orphaned", "unmanaged")
        and (step.change is None or step.change.kind != "act")
    ]
    right = sum((step.status == "changed" and not looks) or not drifted(step) for step in counted)
    return 100.0 * right / len(counted) if counted else 100.0


def documents_share(hosts: Iterable[HostDocument], *, looks: bool) -> float | None:
    """Return the same share of hosts whose documents are all that is known; None if none was."""
    asked = [host for host in hosts if host["status"] != "unreachable"]
    counted = [
        one
        for host in asked
        for one in host["resources"]
        if one["status"] not in ("orphaned", "unmanaged") and one["kind"] != "act"
    ]
    right = sum(
        one["excused"] is not None
        or one["status"] not in _DIFFERING
        or (one["status"] == "changed" and not looks)
        for one in counted
    )
    if not asked:
        return None
    return 100.0 * right / len(counted) if counted else 100.0


def report_json(report: Report) -> Document:
    """Return the document that `--output json` prints."""
    counted = report.totals
    totals = {key: counted[key] for key in ("ok", "changed", "failed", "unknown", "skipped")}
    totals |= {key: counted[key] for key in ("not-run", "orphaned", "unmanaged")}
    origin = report.origin
    document: Document = {
        "schema": SCHEMA,
        "run": report.run,
        "mode": report.mode,
        "exit": report.exit,
        "started": origin.started,
        "seconds": round(report.seconds, 3),
        "version": __version__,
        "by": origin.by,
        "origin": origin.origin,
        "command": list(origin.command),
        "set": report.set,
        "recipes": list(report.recipes),
        "sources": dict(report.sources),
        "revision": report.revision,
        "hosts": {name: host_json(host) for name, host in report.hosts.items()},
        "totals": totals,
        "in_line": percent(report.in_line),
    }
    if report.objections:
        document["objections"] = [visible(one) for one in report.objections]
    if report.remarks:
        document["remarks"] = [visible(remark) for remark in report.remarks]
    if report.facts:
        document["facts"] = {
            name: {"digest": use.digest, "read": use.read, "age": use.age}
            for name, use in report.facts.items()
        }
    return protected(document)


def host_json(host: HostReport) -> HostDocument:
    """One host."""
    return {
        "status": host.status,
        "began": round(host.began, 3),
        "seconds": round(host.seconds, 3),
        "exchanges": host.exchanges,
        "error": error_json(host.error) if host.error is not None else None,
        "machine_id": host.machine_id,
        "in_line": percent(host.in_line),
        "desired": host.desired,
        "resources": [step_json(step) for step in host.steps],
    }


def step_json(step: Step) -> ResourceDocument:
    """One resource."""
    change = step.change
    document: ResourceDocument = {
        "id": visible(str(step.resource)),
        "where": step.declared.where,
        "status": step.status,
        "kind": change.kind if change is not None and step.status != "ok" else "none",
        "changes": shown_changes(step),
        "ran": change.act if change is not None and step.status == "changed" else None,
        "note": _note(step),
        "because": step.because,
        "until": step.until,
        "diff": visible(str(step.diff)) if step.diff is not None else None,
        "error": error_json(step.error) if step.error is not None else None,
        "ignored": step.ignored,
        "lost": step.lost,
        "orphan": step.orphan,
        "began": round(step.began, 3),
        "seconds": round(step.seconds, 3),
        "cause": step.cause,
        "since": step.since,
        "excused": step.excused,
    }
    if step.parallel:
        document["parallel"] = [visible(name) for name in step.parallel]
    if step.features:
        document["features"] = [_feature_json(effect) for effect in step.features]
    return document


def _feature_json(effect: FeatureEffect) -> FeatureDocument:
    answer = effect.answer
    return {
        "name": visible(answer.name),
        "on": answer.is_on,
        "why": visible(answer.why),
        "detail": visible(answer.detail),
        "decisive": effect.is_decisive,
    }


def _note(step: Step) -> str | None:
    if step.status == "not-run" and step.because is not None:
        return f"its {', '.join(step.target.doing)} is still to be done"
    if step.status == "not-run" and step.until is not None:
        return f"it may need {step.until}, which failed"
    if step.status == "unknown":
        wanted = _wanted_note(step, step.wanted) if step.wanted is not None else None
        return "; ".join(filter(None, (step.foretold, wanted))) or None
    if step.done_on is not None:
        return f"done once, on {step.done_on}"
    if step.left_out is not None:
        return step.left_out
    if step.because not in (None, "undo") and step.status == "skipped":
        return f"notified, but its guard says no: its {', '.join(step.target.doing)} was left out"
    if step.change is None or step.status not in ("changed", "ok"):
        return None
    if step.because in (None, "undo") and step.status == "ok":
        return step.change.warning
    return "; ".join(filter(None, (step.change.note, step.change.warning))) or None


def _wanted_note(step: Step, wanted: Change[Any]) -> str | None:
    """Return the properties that are wanted of a resource whose state is unknown."""
    shown = _shown(wanted, step.resource)
    told = [
        f"{name} {', '.join(map(str, side)) if isinstance(side, list) else side}"
        for name, (_, side) in shown.items()
        if side not in ([], "", "(redacted)") and not (name == "content" and step.diff is not None)
    ]
    if not told:
        return None
    provider = step.provider
    rest = provider.unforeseen(wanted) if provider is not None else None
    known = f"what is there by then is unknown; if it is absent: {', '.join(told)}"
    return "; ".join(filter(None, (known, rest)))


def percent(value: float | None) -> float | None:
    """As it is shown: to a hundredth."""
    return None if value is None else round(value, 2)


def error_json(error: CookError) -> ErrorDocument:
    """Return an error as JSON."""
    failed = error.failed
    return {
        "kind": type(error).__name__,
        "code": error.code,
        "phase": error.phase,
        "message": visible(error.message),
        "command": visible(failed.command) if failed is not None else None,
        "status": failed.status if failed is not None else None,
        "output": visible(failed.output) if failed is not None else "",
        "cause": _visible_or_none(error.cause),
        "hint": _visible_or_none(error.hint),
    }


def _visible_or_none(text: str | None) -> str | None:
    return None if text is None else visible(text)


def shown_changes(step: Step) -> dict[str, list[Any]]:
    """Return the differences: property -> [found, wanted], without sensitive values."""
    if step.change is None or step.status in ("ok", "skipped"):
        return {}
    return _shown(step.change, step.resource)


def _shown(change: Change[Any], resource: Resource) -> dict[str, list[Any]]:
    pairs, hidden = change.fields, change.sensitive
    shut: set[str] = set()
    if resource.confidential:
        told = frozenset[str]() if resource.sensitive else change.open
        shut = {name for name in pairs if name not in told or holds_secret(pairs[name])}
    return {
        name: ["(redacted)", "(redacted)"]
        if name in shut
        else [_hidden(side) if name in hidden else _plain(side) for side in pair]
        for name, pair in pairs.items()
    }


def _hidden(value: object) -> str | None:
    """Return what is said of a sensitive value: whether there is one."""
    return None if value is None else "(redacted)"


def _plain(value: object) -> Any:
    match value:
        case Secret():
            return "(redacted)"
        case None | bool() | int() | float():
            return value
        case str():
            return visible(value)
        case list() | tuple() | frozenset():
            return [_plain(item) for item in value]
        case dict():
            return {str(k): _plain(v) for k, v in value.items()}
        case _:
            return str(value)
