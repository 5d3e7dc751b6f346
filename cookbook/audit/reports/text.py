"""The text of an audit: control by control, hosts with equal results together."""

from __future__ import annotations

from collections.abc import Iterator

from cookbook.audit.document import (
    AuditDocument,
    ControlDocument,
    ControlStatus,
    alike,
    judgements,
    waived,
    worst,
)
from cookbook.reports.phrases import error_sentence
from cookbook.reports.text import StyledLine
from cookbook.text.listing import named
from cookbook.text.sanitize import one_line

_NAMES = 6
_REASONS = 5
_STYLES: dict[ControlStatus, str] = {
    "failed": "bold red",
    "error": "bold red",
    "waived": "yellow",
    "not applicable": "dim",
    "passed": "green",
}


def render(document: AuditDocument) -> str:
    """Return the report with all details."""
    return "".join(f"{one_line(text)}\n" for _, text in audit_lines(document, verbose=True))


def audit_lines(document: AuditDocument, *, verbose: bool = False) -> Iterator[StyledLine]:
    """Yield the report, line by line; controls that need no attention only if `verbose`."""
    for control in document["controls"]:
        status = worst(control)
        if verbose or status not in ("passed", "not applicable"):
            yield from _control(control, status, verbose=verbose)
    for name, host in document["hosts"].items():
        if host["error"] is not None:
            yield "bold red", f"{name}: {error_sentence(host['error'])}"
    yield from (("yellow", remark) for remark in document["remarks"])
    yield "bold", _sum(document)


def _control(
    control: ControlDocument, status: ControlStatus, *, verbose: bool
) -> Iterator[StyledLine]:
    title = f"{status}: {control['id']} ({control['severity']}) {control['title']}"
    yield _STYLES[status], f"{title}  [{control['where']}]"
    for group in alike(control):
        judgement = group.judgement
        if not verbose and judgement["status"] in ("passed", "not applicable"):
            continue
        names = named(group.hosts, len(group.hosts) if verbose else _NAMES)
        yield _STYLES[judgement["status"]], f"  {names}: {judgement['status']}"
        most = len(judgement["reasons"]) if verbose else _REASONS
        yield from (("", f"    {reason}") for reason in judgement["reasons"][:most])
        if (left := len(judgement["reasons"]) - most) > 0:
            yield "dim", f"    and {left} more (-v)"
        if (waiver := judgement["waiver"]) is not None:
            yield "yellow", f"    {waived(waiver)}"
    if status == "failed" and control["remedy"]:
        yield "", f"  remedy: {control['remedy']}"
    if verbose and control["rationale"]:
        yield "dim", f"  why: {control['rationale']}"
    if verbose and control["references"]:
        yield "dim", f"  see: {', '.join(control['references'])}"


def _sum(document: AuditDocument) -> str:
    """Return the numbers of controls and hosts, and of results; failures by severity."""
    counts = ", ".join(f"{count} {status}" for status, count in document["totals"].items() if count)
    failed = [
        control["severity"]
        for control, _, judgement in judgements(document)
        if judgement["status"] == "failed"
    ]
    by = ", ".join(
        f"{failed.count(severity)} {severity}"
        for severity in ("high", "medium", "low")
        if severity in failed
    )
    controls, hosts = len(document["controls"]), len(document["hosts"])
    told = f"{controls} control{'s'[: controls != 1]} on {hosts} host{'s'[: hosts != 1]}"
    return f"{document['profile']}: {told}: {counts}{f' (failed: {by})' if by else ''}."
