"""For people: a run of the history, drawn from its document as a report is from the run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cookbook.document import Document, ErrorDocument, HostDocument, ResourceDocument
from cookbook.show import HOST_STYLES, MARKS, Line, acted, counted, diff_style, value_text

_STATUS_MARKS = {"failed": ("!", "bold red"), "unknown": ("?", "magenta"), "ok": ("=", "green")}


def retold(run: Document, *, verbose: bool = False) -> Iterator[Line]:
    """What was done to each host, then the sum; `verbose` shows what was in line, and diffs."""
    planned = run["mode"] in ("plan", "drift")
    for name, host in run["hosts"].items():
        yield HOST_STYLES[host["status"]], f"{name}: {host['status']}, {host['seconds']:.1f} s"
        yield from _host_lines(host, planned=planned, verbose=verbose)
    statuses = [host["status"] for host in run["hosts"].values()]
    style = "bold" if run["exit"] in (0, 2) else "bold red"
    yield style, counted(statuses, run["totals"], planned=planned)


def heading(run: Document, state: str) -> str:
    """Who ran it, when, how, and from what."""
    origin = f" from {run['origin']}" if run["origin"] else ""
    revision = f" at {run['revision']}" if run["revision"] else ""
    recipes = f" of {', '.join(run['recipes'])}" if run["recipes"] else ""
    ended = "" if state == "finished" else f" ({state})"
    what = f"{run['mode']} {run['run']}{ended}{recipes}{revision}"
    return f"{what}, {run['started']} by {run['by']}{origin}: {' '.join(run['command'])}"


def changes_lines(changes: Mapping[str, list[Any]], diff: str | None) -> Iterator[Line]:
    """What differed, property by property; contents are in the diff, if there is one."""
    for name, (found, wanted) in changes.items():
        if not (name == "content" and diff is not None):
            yield "", f"      {name}: {value_text(found)} -> {value_text(wanted)}"


def diff_lines(diff: str | None) -> Iterator[Line]:
    """The diff, if there is one."""
    for line in [] if diff is None else diff.split("\n"):
        yield diff_style(line), f"      {line}"


def _host_lines(host: HostDocument, *, planned: bool, verbose: bool) -> Iterator[Line]:
    for one in host["resources"]:
        owed = one["status"] == "not-run" and one["because"] is not None
        if verbose or owed or one["status"] not in ("ok", "skipped", "not-run"):
            yield from _resource_lines(one, planned=planned, verbose=verbose)
    waiting = [r for r in host["resources"] if r["status"] == "not-run" and r["because"] is None]
    if waiting:
        yield "dim", f"    {len(waiting)} more were not run"
    yield from _error_lines(host["error"], "  ")


def _resource_lines(one: ResourceDocument, *, planned: bool, verbose: bool) -> Iterator[Line]:
    mark, style = _mark(one)
    words = [f"  {mark} {one['id']}", *_words(one, planned=planned)]
    yield style, f"{'  '.join(words)}  [{one['where']}]"
    if one["status"] in ("changed", "unknown"):
        yield from changes_lines(one["changes"], one["diff"])
        if one["note"]:
            yield "dim", f"      note: {one['note']}"
        if verbose:
            yield from diff_lines(one["diff"])
    yield from _error_lines(one["error"], "      ")


def _mark(one: ResourceDocument) -> Line:
    if one["status"] == "changed":
        return MARKS.get(one["kind"], ("~", "yellow"))
    return _STATUS_MARKS.get(one["status"], (" ", "dim"))


def _words(one: ResourceDocument, *, planned: bool) -> Iterator[str]:
    match one["status"]:
        case "unknown":
            yield f"unknown until {one['until']}" if one["until"] else "unknown"
        case "changed" if one["ran"]:
            yield acted(one["ran"], planned=planned)
        case "ok" | "changed":
            pass
        case status:
            yield status + (" (ignored)" if one["ignored"] else "")
    if one["because"] == "undo":
        yield "undone"
    elif one["because"]:
        yield f"because {one['because']} {'changes' if planned else 'changed'}"
    if one["lost"]:
        yield f"not brought back by an undo: {one['lost']}"


def _error_lines(error: ErrorDocument | None, indent: str) -> Iterator[Line]:
    if error is None:
        return
    for line in error["message"].split("\n"):
        yield "red", f"{indent}{line}"
    if error["hint"]:
        yield "dim", f"{indent}next: {error['hint']}"
