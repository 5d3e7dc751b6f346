"""Markdown: for a pull request, a wiki or a chat; what differs is in tables."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cookbook.reports.phrases import (
    MEANING,
    OUT_OF_LINE,
    ResourceOutcome,
    all_outcomes,
    differences,
    error_sentence,
    first_seen,
    host_state,
    minute,
    notices,
    outcome,
    outcomes,
    percent,
    remarks,
)
from cookbook.reports.schema import Document, HostDocument, ResourceDocument
from cookbook.text.sanitize import clean

_SPECIAL = re.compile(r"([\\`*_{}\[\]!|~$])")
_LEADING = re.compile(r"^([#+=-]|\d+(?=[.)]))")
"""Characters that begin a heading, a list or a rule at the start of a line."""

_SIGNS = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "&#64;"}
"""HTML, and mentions; an address shall not become a link either."""

_DIFF_LINES = 40
_BESIDES: frozenset[ResourceOutcome] = frozenset(
    {"changed", "act", "excused", "orphaned", "unmanaged"}
)
_SHOWN = OUT_OF_LINE | _BESIDES


def render(document: Document) -> str:
    """Return the report as Markdown with tables (GitHub's)."""
    return "\n".join(_lines(document)) + "\n"


def _lines(document: Document) -> Iterator[str]:
    mode, share = document["mode"], percent(document["in_line"])
    yield f"# {mode.capitalize()} report: {share} in line"
    yield ""
    recipes = ", ".join(map(markdown_text, document["recipes"])) or "a saved plan"
    revision = f", revision {markdown_text(document['revision'])}" if document["revision"] else ""
    yield f"{_time(document['started'])} by {markdown_text(document['by'])}: {recipes}{revision}."
    for remark in notices(document):
        yield f"\n> {markdown_text(remark)}"
    yield from _totals(document)
    yield from _fleet(document)
    for name, host in document["hosts"].items():
        yield from _host(name, host, document)


def _totals(document: Document) -> Iterator[str]:
    yield "\n| Resources | | |\n| ---: | --- | --- |"
    for what, count in sorted(all_outcomes(document).items()):
        yield f"| {count} | {what} | {MEANING[what]} |"


def _fleet(document: Document) -> Iterator[str]:
    yield "\n## Hosts\n\n| Host | In line | State | Drift | Intent | Other |"
    yield "| --- | ---: | --- | ---: | ---: | ---: |"
    for name, host in document["hosts"].items():
        counts = outcomes(host, document["mode"])
        other = sum(counts[what] for what in OUT_OF_LINE - {"drift", "intent"})
        share = percent(host["in_line"])
        numbers = " | ".join(str(n or "") for n in (counts["drift"], counts["intent"], other))
        state = host_state(host, document["mode"])
        yield f"| {markdown_text(name)} | {share} | {state} | {numbers} |"


def _host(name: str, host: HostDocument, document: Document) -> Iterator[str]:
    mode = document["mode"]
    shown = [resource for resource in host["resources"] if outcome(resource, mode) in _SHOWN]
    if not shown and host["error"] is None:
        return
    yield f"\n## {markdown_text(name)}: {percent(host['in_line'])} in line"
    if host["error"] is not None:
        yield f"\n> {markdown_text(error_sentence(host['error']))}"
    if shown:
        yield "\n| Resource | | What | Seen | Declared |\n| --- | --- | --- | --- | --- |"
        yield from (_row(resource, document) for resource in shown)
    for resource in shown:
        yield from _diff(resource)


def _row(resource: ResourceDocument, document: Document) -> str:
    what, error = outcome(resource, document["mode"]), resource["error"]
    told = [*([error_sentence(error)] if error else []), *differences(resource)]
    if resource["until"]:
        told.append(f"until {resource['until']}")
    seen = first_seen(resource, document)
    told += [remark for remark in remarks(resource, document) if remark != seen]
    what_differs = "<br>".join(map(markdown_text, told)) or MEANING[what]
    cells = (markdown_text(resource["id"]), what, what_differs, markdown_text(seen or ""))
    return f"| {' | '.join(cells)} | {markdown_text(resource['where'])} |"


def _diff(resource: ResourceDocument) -> Iterator[str]:
    """Yield a diff within a fence that is longer than any in the text."""
    if resource["diff"] is None or "\n" not in resource["diff"]:
        return
    lines = clean(resource["diff"]).split("\n")
    longest = max((len(run) for line in lines for run in re.findall(r"`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    more = [f"({len(lines) - _DIFF_LINES} more lines)"] if len(lines) > _DIFF_LINES else []
    yield f"\n<details><summary>{_html(resource['id'])}</summary>\n"
    yield "\n".join([f"{fence}diff", *lines[:_DIFF_LINES], *more, fence])
    yield "\n</details>"


def _time(time: str) -> str:
    return f"{minute(time)} UTC"


def _html(text: str) -> str:
    line = clean(text).replace("\n", "\\n").replace("\t", " ")
    line = "".join(_SIGNS.get(sign, sign) for sign in line)
    return line.replace("://", "&#58;//").replace("www.", "www&#46;")


def markdown_text(text: str) -> str:
    """Text that means nothing to Markdown or HTML, on one line of a table."""
    return _html(_LEADING.sub(_numeric, _SPECIAL.sub(r"\\\1", text)))


def _numeric(sign: re.Match[str]) -> str:
    return f"{sign[0]}\\" if sign[0].isdigit() else f"\\{sign[0]}"
