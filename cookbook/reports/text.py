"""The report for a terminal: hosts to which the same happened together, then the sum."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cookbook.planning.status import LOOKING
from cookbook.reports.phrases import (
    LOST,
    ResourceOutcome,
    all_outcomes,
    at_once,
    by_features,
    error_line,
    error_remarks,
    first_seen,
    outcome,
    percent,
    reason,
    sides,
    unrecoverable,
)
from cookbook.reports.schema import Document, ErrorDocument, HostDocument, ResourceDocument
from cookbook.text.long_lines import shortened
from cookbook.text.sanitize import one_line

StyledLine = tuple[str, str]
"""A style, in rich's words, and a text."""

_MARKS = {
    "create": ("+", "green"),
    "remove": ("-", "red"),
    "update": ("~", "yellow"),
    "act": (">", "cyan"),
}

_STATUS_MARKS = {
    "failed": ("!", "bold red"),
    "unknown": ("?", "magenta"),
    "ok": ("=", "green"),
    "orphaned": ("o", "magenta"),
    "unmanaged": ("*", "magenta"),
}

_ORPHANS = {
    "created": "cook created it: --prune removes it",
    "adopted": "it existed before: it stays",
    None: "no longer in the recipe",
}

_HOST_STYLES = {
    "ok": "green",
    "changed": "yellow",
    "failed": "bold red",
    "unreachable": "bold magenta",
    "timeout": "bold red",
    "interrupted": "magenta",
    "refused": "bold red",
}

_QUIET = ("ok", "skipped", "not-run")

_CAUSES = {"drift": "drift", "intent": "intent", "differs": "differs"}

_Named = tuple[str, HostDocument]


def render(document: Document) -> str:
    """Return the report as text, without colours."""
    return "".join(f"{one_line(text)}\n" for _, text in document_lines(document, whole=True))


def document_lines(
    document: Document, *, verbose: bool = False, whole: bool = False
) -> Iterator[StyledLine]:
    """
    Yield the report, line by line.

    A diff that was shown for another host is named, not repeated. Unless it is `whole` or
    `verbose`, very much that differs in one line of a diff is cut.
    """
    whole = whole or verbose
    groups: dict[tuple[object, ...], list[_Named]] = {}
    for name, host in document["hosts"].items():
        lines = tuple(_host_lines(name, host, document, verbose=verbose, whole=whole))
        share = host["in_line"] if document["mode"] == "drift" else None
        groups.setdefault((host["status"], share, *lines), []).append((name, host))
    diffs: dict[tuple[str, str], str] = {}
    for hosts in groups.values():
        yield _heading(hosts, document)
        yield from _host_lines(*hosts[0], document, verbose=verbose, whole=whole, diffs=diffs)
    yield from objection_lines(document)
    for remark in document.get("remarks", ()):
        yield "magenta", f"note: {remark}"
    yield _sum(document)


def objection_lines(document: Document) -> Iterator[StyledLine]:
    """Yield the objections of reviewers to a plan."""
    for objection in document.get("objections", ()):
        yield "bold red", f"objection: {objection}"


def _heading(hosts: Sequence[_Named], document: Document) -> StyledLine:
    first = hosts[0][1]
    names = ", ".join(name for name, _ in hosts)
    count = f" ({len(hosts)} hosts)" if len(hosts) > 1 else ""
    seconds = max(host["seconds"] for _, host in hosts)
    words = [first["status"], f"{seconds:.1f} s"]
    style = _HOST_STYLES[first["status"]]
    if document["mode"] == "drift" and first["status"] not in LOST:
        words[:1] = [f"{percent(first['in_line'])} in line"]
        words[:0] = ["failed"] if first["status"] == "failed" else []
        if _ended(first, document) == "ok":
            style = "green"  # what would be done has no state, or is ignored
    return style, f"{names}{count}: {', '.join(words)}"


def _host_lines(
    name: str,
    host: HostDocument,
    document: Document,
    *,
    verbose: bool,
    whole: bool,
    diffs: dict[tuple[str, str], str] | None = None,
) -> Iterator[StyledLine]:
    for resource in host["resources"]:
        status, diff = resource["status"], resource["diff"]
        owed = status == "not-run" and (resource["because"] or resource["until"]) is not None
        lost = status == "skipped" and resource["lost"] is not None
        noted = resource["note"] is not None
        told = noted and (status == "ok" or resource["because"] is not None)
        if verbose or owed or lost or told or status not in _QUIET:
            first = name
            if diffs is not None and diff is not None and "\n" in diff:
                first = diffs.setdefault((resource["id"], diff), name)
            as_on = None if first == name else first
            yield from resource_lines(resource, document, as_on=as_on, whole=whole)
    waiting = [
        r
        for r in host["resources"]
        if r["status"] == "not-run" and r["because"] is None and r["until"] is None
    ]
    if waiting:
        yield "dim", f"    {len(waiting)} more were not run"
    if host["error"] is not None:
        yield from error_lines(host["error"], "  ")


def resource_lines(
    resource: ResourceDocument,
    document: Document,
    *,
    as_on: str | None = None,
    whole: bool = True,
) -> Iterator[StyledLine]:
    """
    One resource: what it is, where it is declared, what differs and why it is so.

    `as_on` names a host whose diff was the same, and is shown already. Unless it is `whole`, very
    much that differs in one line of a diff is cut.
    """
    mark, style = _mark(resource)
    words = [f"  {mark} {resource['id']}", *_words(resource, document)]
    yield style, f"{'  '.join(words)}  [{resource['where']}]"
    for said in by_features(resource):
        yield "cyan", f"      {said}"
    if resource["status"] in ("changed", "unknown"):
        yield from _difference(resource, as_on, whole=whole)
    if lost := unrecoverable(resource):
        yield "yellow", f"      {lost}"
    if resource["error"] is not None:
        yield from error_lines(resource["error"], "      ")


def _words(resource: ResourceDocument, document: Document) -> Iterator[str]:
    status, looking = resource["status"], document["mode"] in LOOKING
    if document["mode"] == "drift":
        yield from _drift_words(resource, document)
    if status == "unknown":
        yield f"unknown until {resource['until']}" if resource["until"] else "unknown"
    elif status in ("failed", "skipped", "not-run"):
        yield status + (" (ignored)" if resource["ignored"] else "")
    if status in ("ok", "skipped", "not-run") and resource["note"]:
        yield resource["note"]
    elif status == "orphaned":
        yield f"orphaned  ({_ORPHANS[resource['orphan']]})"
    elif status == "unmanaged":
        yield "unmanaged"
    elif resource["ran"]:
        yield _acted(resource["ran"], looking=looking)
    if status == "changed" and resource["orphan"] is not None:
        yield "orphaned"
    yield from filter(None, (reason(resource, document), at_once(resource)))


def _drift_words(resource: ResourceDocument, document: Document) -> Iterator[str]:
    what = outcome(resource, document["mode"])
    if (excuse := resource["excused"]) is not None:
        until = f" (until {excuse['until']})" if excuse["until"] else ""
        yield f"ignored: {excuse['reason']}{until}"
    words = [_CAUSES.get(what), first_seen(resource, document)]
    if any(words):
        yield ", ".join(filter(None, words))


def _mark(resource: ResourceDocument) -> StyledLine:
    if resource["status"] == "changed":
        mark, style = _MARKS.get(resource["kind"], ("~", "yellow"))
        return mark, "dim" if resource["excused"] is not None else style
    return _STATUS_MARKS.get(resource["status"], (" ", "dim"))


def _acted(act: str, *, looking: bool) -> str:
    if looking:
        return f"would {act}"
    return {"run": "ran", "touch": "touched"}.get(act, f"{act.removesuffix('e')}ed")


def _difference(
    resource: ResourceDocument, as_on: str | None, *, whole: bool
) -> Iterator[StyledLine]:
    yield from changes_lines(resource["changes"], resource["diff"])
    if resource["note"]:
        yield "dim", f"      note: {resource['note']}"
    if as_on is not None:
        yield "dim", f"      (the same diff as on {as_on})"
    else:
        yield from diff_lines(resource["diff"], whole=whole)


def changes_lines(changes: Mapping[str, list[Any]], diff: str | None) -> Iterator[StyledLine]:
    """Yield the differences, one line per property; contents are in the diff, if there is one."""
    for name, (found, wanted) in changes.items():
        if not (name == "content" and diff is not None):
            yield "", f"      {name}: {' -> '.join(sides(found, wanted))}"


def diff_lines(diff: str | None, *, whole: bool = True) -> Iterator[StyledLine]:
    """Yield the diff, if there is one; see `long_lines`."""
    for line in shortened(diff.split("\n"), whole=whole) if diff else ():
        yield _diff_style(line), f"      {line}"


def _diff_style(line: str) -> str:
    return {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "")


def error_lines(error: ErrorDocument, indent: str) -> Iterator[StyledLine]:
    """Yield an error: message, output, cause, next step."""
    for line in error_line(error).split("\n"):
        yield "red", f"{indent}{line}"
    for line in error["output"].split("\n") if error["output"] else ():
        yield "", f"{indent}| {line}"
    for remark in error_remarks(error):
        yield "dim", f"{indent}{remark}"


def _sum(document: Document) -> StyledLine:
    hosts = Counter(_ended(host, document) for host in document["hosts"].values())
    named = ", ".join(f"{count} {status}" for status, count in sorted(hosts.items()))
    totals: Counter[str] = Counter()
    for what, count in all_outcomes(document).items():
        totals[_total(what, document)] += count
    resources = ", ".join(f"{count} {status}" for status, count in sorted(totals.items()))
    style = "bold" if document["exit"] in (0, 2) else "bold red"
    noun = "host" if len(document["hosts"]) == 1 else "hosts"
    share = f" {percent(document['in_line'])} in line." if document["mode"] == "drift" else ""
    count = len(document["hosts"])
    return style, f"{count} {noun}: {named}.{share} Resources: {resources or 'none'}."


def _ended(host: HostDocument, document: Document) -> str:
    """Return the final state of a host; in a drift report `changed` if it is not in line."""
    in_line = document["mode"] == "drift" and host["in_line"] == 100
    return "ok" if in_line and host["status"] == "changed" else host["status"]


def _total(what: ResourceOutcome, document: Document) -> str:
    if document["mode"] == "plan" and what in ("drift", "intent", "differs", "act"):
        return "to change"
    return "to do each time" if what == "act" else what
