"""Markdown of an audit: for a pull request, a wiki or a chat."""

from __future__ import annotations

from collections.abc import Iterator

from cookbook.audit.document import AuditDocument, ControlDocument, alike, sentence, worst
from cookbook.reports.markdown import markdown_text
from cookbook.reports.phrases import error_sentence, minute
from cookbook.text.listing import named

_NAMES = 10


def render(document: AuditDocument) -> str:
    """Return the report as Markdown with tables (GitHub's)."""
    return "\n".join(_lines(document)) + "\n"


def _lines(document: AuditDocument) -> Iterator[str]:
    yield f"# Audit report: {markdown_text(document['profile'])}\n"
    yield f"{minute(document['started'])} UTC by {markdown_text(document['by'])}.\n"
    yield "| Results | |\n| ---: | --- |"
    yield from (f"| {count} | {status} |" for status, count in document["totals"].items())
    yield from (f"\n> {markdown_text(remark)}" for remark in document["remarks"])
    for name, host in document["hosts"].items():
        if host["error"] is not None:
            yield f"\n> {markdown_text(name)}: {markdown_text(error_sentence(host['error']))}"
    shown = [one for one in document["controls"] if worst(one) in ("failed", "error", "waived")]
    if shown:
        yield "\n| Control | Severity | Title | Hosts | Result | Reasons | Declared |"
        yield "| --- | --- | --- | --- | --- | --- | --- |"
        for control in shown:
            yield from _rows(control)
    rest = [one["id"] for one in document["controls"] if one not in shown]
    if rest:
        yield f"\nWithout findings: {', '.join(map(markdown_text, rest))}."


def _rows(control: ControlDocument) -> Iterator[str]:
    for group in alike(control):
        if group.judgement["status"] in ("passed", "not applicable"):
            continue
        remedy = [control["remedy"]] if group.judgement["status"] == "failed" else []
        told = filter(None, [sentence(group.judgement), *remedy])
        cells = (
            markdown_text(control["id"]),
            control["severity"],
            markdown_text(control["title"]),
            markdown_text(named(group.hosts, _NAMES)),
            group.judgement["status"],
            "<br>".join(map(markdown_text, told)),
            markdown_text(control["where"]),
        )
        yield f"| {' | '.join(cells)} |"
