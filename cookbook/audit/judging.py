"""The results of an audit, from the steps of a plan in which each resource is judged by itself."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from cookbook import __version__
from cookbook.audit.check import AuditCheck
from cookbook.audit.document import (
    SCHEMA,
    AuditDocument,
    AuditedHost,
    ControlDocument,
    ControlStatus,
    JudgementDocument,
    WaiverDocument,
    totals,
)
from cookbook.audit.profile import Control, Profile
from cookbook.audit.selection import check_scope
from cookbook.audit.testinfra_tests import TestResult
from cookbook.audit.waivers import Waiver, remarks
from cookbook.errors import Missing
from cookbook.planning.step import Step
from cookbook.reports.phrases import sides
from cookbook.reports.report import HostReport, Report, report_json
from cookbook.reports.schema import HostDocument, ResourceDocument
from cookbook.text.redaction import protected


class JudgedPart(NamedTuple):
    """A resource or a check of a control, as a step and as a part of the document."""

    step: Step
    told: ResourceDocument


class Judge:
    """The judgement of the controls of a profile on the hosts of a run."""

    def __init__(
        self,
        profile: Profile,
        chosen: Mapping[str, Control],
        waivers: Sequence[Waiver],
        today: date,
        tests: Mapping[tuple[str, str], TestResult] | None = None,
    ) -> None:
        """
        Create it; `chosen` are the controls that count, `today` decides which waivers do.

        `tests` has the results of tests by control and host.
        """
        self._profile, self._chosen = profile, chosen
        self._waivers, self._today = waivers, today
        self._tests = tests or {}

    def document(self, report: Report) -> AuditDocument:
        """
        Return the document of an audit.

        Raises RecipeError for a resource that is declared outside of the controls of the profile.
        """
        run = report_json(report)
        parts = {
            name: _parts(host, run["hosts"][name], self._profile.controls)
            for name, host in report.hosts.items()
        }
        controls = [self._control(control, report, parts) for control in self._chosen.values()]
        document: AuditDocument = {
            "schema": SCHEMA,
            "audit": run["run"],
            "profile": self._profile.name,
            "exit": exit_status(report, controls),
            "started": run["started"],
            "seconds": run["seconds"],
            "version": __version__,
            "by": run["by"],
            "command": run["command"],
            "revision": run["revision"],
            "hosts": {name: _host(host) for name, host in run["hosts"].items()},
            "controls": controls,
            "totals": totals(controls),
            "remarks": [*remarks(self._waivers, self._today), *run.get("remarks", [])],
        }
        return protected(document)

    def _control(
        self, control: Control, report: Report, parts: Mapping[str, Mapping[str, list[JudgedPart]]]
    ) -> ControlDocument:
        return {
            "id": control.id,
            "title": control.title,
            "severity": control.severity,
            "rationale": control.rationale,
            "remedy": control.remedy,
            "references": list(control.references),
            "where": control.where,
            "hosts": {
                name: self._judgement(control, host, parts[name].get(control.id, []))
                for name, host in report.hosts.items()
            },
        }

    def _judgement(
        self, control: Control, host: HostReport, parts: Sequence[JudgedPart]
    ) -> JudgementDocument:
        status, reasons = self._status(control, host, parts)
        waiver = next(
            (
                one
                for one in self._waivers
                if one.covers(control.id, host.name) and not one.has_expired(self._today)
            ),
            None,
        )
        if status != "failed" or waiver is None:
            return {"status": status, "reasons": reasons, "waiver": None}
        return {"status": "waived", "reasons": reasons, "waiver": _waiver(waiver)}

    def _status(
        self, control: Control, host: HostReport, parts: Sequence[JudgedPart]
    ) -> tuple[ControlStatus, list[str]]:
        """Return the status without waivers, and its reasons. What was not judged is an error."""
        if host.error is not None or host.status in ("unreachable", "timeout", "interrupted"):
            why = host.error.message if host.error is not None else f"the audit was {host.status}"
            return "error", [f"not judged: {why}"]
        told = [_status_of(part) for part in parts if not _is_condition(part)]
        for part in parts:
            if _is_condition(part) and part.step.status != "ok":
                applies, reasons = _status_of(part)
                return ("not applicable", []) if applies == "failed" else (applies, reasons)
        if control.tests is not None and parts:
            not_run: TestResult = ("error", ["not judged: its tests were not run"])
            result, why_not = self._tests.get((control.id, host.name), not_run)
            told.append((result, list(why_not)))
        return _together(told)


def _together(told: Sequence[tuple[ControlStatus, list[str]]]) -> tuple[ControlStatus, list[str]]:
    """
    Return the status of a control by those of its parts; not declared, it is not applicable.

    An error comes before a failure: a waiver of the failure must not cover what was not judged.
    """
    statuses = {status for status, _ in told}
    reasons = [reason for _, some in told for reason in some]
    order: tuple[ControlStatus, ...] = ("error", "failed", "passed")
    for status in order:
        if status in statuses:
            return status, reasons
    return "not applicable", []


def _is_condition(part: JudgedPart) -> bool:
    resource = part.step.resource
    return isinstance(resource, AuditCheck) and resource.applies


def _status_of(part: JudgedPart) -> tuple[ControlStatus, list[str]]:
    """Return the status of one resource or check, and the reasons."""
    step, told = part
    match step.status:
        case "ok":
            return "passed", []
        case "skipped":
            return "not applicable", []
        case "changed" if told["kind"] == "act":
            return "error", [f"{told['id']} has no state that can be judged; use check(...)"]
        case "changed":
            return "failed", list(_differences(step, told))
        case "failed" if isinstance(step.error, Missing):
            return "failed", [f"{step.error.message}"]
    name = step.resource.name if isinstance(step.resource, AuditCheck) else told["id"]
    if (error := told["error"]) is None:
        return "error", [f"{name}: not judged: it is {step.status}"]
    if step.resource.confidential:
        return "error", [f"{name}: not judged: (redacted)"]
    said = [error["output"].replace("\n", "; ")] if error["output"] else []
    return "error", [": ".join([name, "not judged", error["message"], *said])]


def _differences(step: Step, told: ResourceDocument) -> Iterator[str]:
    """Yield what differs: the findings of a check, the properties of a resource."""
    if isinstance(step.resource, AuditCheck):
        found, _ = told["changes"]["findings"]
        lines = [found] if isinstance(found, str) else found
        yield from (f"{step.resource.name}: {line}" for line in lines)
        return
    if told["kind"] == "create":
        yield f"{told['id']} is not there"
        return
    if told["kind"] == "remove":
        yield f"{told['id']} is there"
        return
    for name, (found, wanted) in told["changes"].items():
        if name == "content":
            yield f"{told['id']}: the content differs"
        else:
            is_now, should_be = sides(found, wanted)
            yield f"{told['id']}: {name} is {is_now}, not {should_be}"


def _parts(
    host: HostReport, told: HostDocument, known: Collection[str]
) -> dict[str, list[JudgedPart]]:
    """Return the parts of each control of a host, by its id; `known` are all ids."""
    found: dict[str, list[JudgedPart]] = {}
    for step, document in zip(host.steps, told["resources"], strict=True):
        scope = check_scope(step.declared, known)
        if step.left_out is None:
            found.setdefault(scope.id, []).append(JudgedPart(step, document))
    return found


def _host(host: HostDocument) -> AuditedHost:
    return {
        "status": host["status"],
        "seconds": host["seconds"],
        "exchanges": host["exchanges"],
        "error": host["error"],
    }


def _waiver(waiver: Waiver) -> WaiverDocument:
    expires = waiver.expires.isoformat()
    return {"reason": waiver.reason, "expires": expires, "by": waiver.by, "at": waiver.at}


def exit_status(report: Report, controls: Sequence[ControlDocument]) -> int:
    """
    Return the exit status: 0 if all is passed, waived or not applicable, 2 if something has failed.

    3 if something could not be judged, 4 if that is so because of unreachable hosts only, 130 if
    it was interrupted, 1 if the profile is wrong for all hosts.
    """
    if report.interrupted:
        return 130
    errors = {
        name for one in controls for name, told in one["hosts"].items() if told["status"] == "error"
    }
    unreachable = {name for name, host in report.hosts.items() if host.status == "unreachable"}
    if errors - unreachable:
        return 1 if report.exit == 1 else 3
    if errors or unreachable:
        return 4
    statuses = {told["status"] for one in controls for told in one["hosts"].values()}
    return 2 if "failed" in statuses else 0
