"""The result of a resource in one word, and in a sentence: the same in all formats."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from cookbook.planning.status import LOOKING, HostStatus, Mode, one_each
from cookbook.reports.schema import Document, ErrorDocument, HostDocument, ResourceDocument
from cookbook.text.listing import named

ResourceOutcome = Literal[
    "ok",
    "changed",
    "drift",
    "intent",
    "differs",
    "act",
    "excused",
    "unknown",
    "failed",
    "refused",
    "skipped",
    "not-run",
    "orphaned",
    "unmanaged",
]

HostState = HostStatus | Literal["drift", "intent", "differs", "unknown"]

MEANING: dict[ResourceOutcome, str] = {
    "ok": "in line",
    "changed": "changed by this run",
    "drift": "the host has changed since the last run",
    "intent": "the recipe has changed, or nothing was ever done about it",
    "differs": "not in line; there is no earlier run to say why",
    "act": "would be done at each run; it has no state to be in line with",
    "excused": "not in line, and ignored",
    "unknown": "it is unknown until another resource is done",
    "failed": "it could not be asked, or could not be changed",
    "refused": "the host is not as it was when the plan was made",
    "skipped": "left alone by its guard",
    "not-run": "the run did not come to it",
    "orphaned": "no longer in the recipe",
    "unmanaged": "it is on the host, and no recipe declares it",
}

OUT_OF_LINE: frozenset[ResourceOutcome] = frozenset(
    {"drift", "intent", "differs", "unknown", "failed", "refused", "not-run", "unmanaged"}
)

LOST: frozenset[HostStatus] = frozenset({"unreachable", "timeout", "interrupted", "refused"})
"""Hosts whose resources say little: they could not all be asked."""

UNDO = "undo"
"""Stands for who notified a resource where it goes back."""

_LONGEST_LIST = 120
"""Characters; of longer lists only the items that differ are shown."""


_NAMED = 3
"""The number of resources that are named before the rest is counted."""


def outcome(resource: ResourceDocument, mode: Mode) -> ResourceOutcome:
    """Return the result in one word."""
    if resource["excused"] is not None:
        return "excused"
    if resource["status"] != "changed":
        return resource["status"]
    if mode not in LOOKING:
        return "changed"
    return "act" if resource["kind"] == "act" else resource["cause"] or "differs"


def outcomes(host: HostDocument, mode: Mode) -> Counter[ResourceOutcome]:
    """Return the number of resources of a host for each result."""
    resources = host["resources"]
    return Counter(one_each(((r["id"], r["where"]), outcome(r, mode)) for r in resources))


def all_outcomes(document: Document) -> Counter[ResourceOutcome]:
    """Return the number of resources of all hosts for each result."""
    hosts = document["hosts"].values()
    return sum((outcomes(host, document["mode"]) for host in hosts), Counter[ResourceOutcome]())


def host_state(host: HostDocument, mode: Mode) -> HostState:
    """Return the worst result of a host."""
    if host["status"] in LOST or host["status"] == "failed":
        return host["status"]
    there = outcomes(host, mode)
    for what, state in _WORST:
        if there[what]:
            return state
    return "ok"


_WORST: tuple[tuple[ResourceOutcome, HostState], ...] = (
    ("failed", "failed"),
    ("drift", "drift"),
    ("intent", "intent"),
    ("differs", "differs"),
    ("unknown", "unknown"),
    ("unmanaged", "differs"),
    ("changed", "changed"),
)


def sentence(resource: ResourceDocument, document: Document) -> str:
    """Return one line about a resource that is not in line."""
    return "; ".join(_clauses(resource, document))


def _clauses(resource: ResourceDocument, document: Document) -> Iterator[str]:
    what = outcome(resource, document["mode"])
    if (error := resource["error"]) is not None:
        yield error_line(error)
    elif what == "unknown" and resource["until"]:
        yield f"unknown until {resource['until']}"
    elif resource["ran"] is not None:
        yield f"would {resource['ran']}" if document["mode"] in LOOKING else resource["ran"]
    elif not resource["changes"]:
        yield MEANING[what]
    yield from differences(resource)
    if resource["excused"] is None and resource["cause"] is not None:
        yield f"{resource['cause']}: {MEANING[resource['cause']]}"
    yield from remarks(resource, document)


def differences(resource: ResourceDocument) -> Iterator[str]:
    """`mode: 0644 -> 0600`, for each property; a text says so by its diff."""
    for name, (found, wanted) in resource["changes"].items():
        if name == "content" and resource["diff"] is not None:
            yield "content differs"
        else:
            yield f"{name}: {' -> '.join(sides(found, wanted))}"


def notices(document: Document) -> Iterator[str]:
    """Yield remarks on the run as a whole."""
    yield from (f"objection: {one}" for one in document.get("objections", ()))
    yield from document.get("remarks", ())


def remarks(resource: ResourceDocument, document: Document) -> Iterator[str]:
    """Why, since when and until when."""
    if why := reason(resource, document):
        yield why
    yield from by_features(resource)
    if others := at_once(resource):
        yield others
    if resource["note"]:
        yield resource["note"]
    if lost := unrecoverable(resource):
        yield lost
    if (excuse := resource["excused"]) is not None:
        until = f" (until {excuse['until']})" if excuse["until"] else ""
        yield f"ignored: {excuse['reason']}{until}"
    if seen := first_seen(resource, document):
        yield seen


def reason(resource: ResourceDocument, document: Document) -> str | None:
    """Return the resource that notified it, or the note that it is an undo; else None."""
    looking = document["mode"] in LOOKING
    if resource["because"] == UNDO:
        if looking:
            return "undo"
        return "undone" if resource["status"] != "skipped" else None
    if resource["because"]:
        return f"because {resource['because']} {'changes' if looking else 'changed'}"
    return None


def by_features(resource: ResourceDocument) -> Iterator[str]:
    """Yield the features that it is due to: `because of the feature x (on: ...)`."""
    for feature in resource.get("features", []):
        cause = "because of" if feature["decisive"] else "according to"
        state = "on" if feature["on"] else "off"
        yield f"{cause} the feature {feature['name']} ({state}: {feature['why']})"


def at_once(resource: ResourceDocument) -> str | None:
    """Return the resources that are changed at the same time; None without any."""
    names = resource.get("parallel", [])
    if not names:
        return None
    return f"at the same time as {named(names, _NAMED)}"


def unrecoverable(resource: ResourceDocument) -> str | None:
    """Return the effects that an undo does not restore, beyond the act itself."""
    if not resource["lost"] or (resource["status"] == "changed" and resource["kind"] == "act"):
        return None
    return f"an undo does not bring back: {resource['lost']}"


def first_seen(resource: ResourceDocument, document: Document) -> str | None:
    """`since 2026-05-01 12:00`, or that it is new."""
    since = resource["since"]
    if since is None:
        return None
    return "first seen now" if since == document["started"] else f"since {minute(since)}"


def error_line(error: ErrorDocument) -> str:
    """Return the message and the phase of an error: `apply: `nginx -t` ended with status 1`."""
    return f"{error['phase']}: {error['message']}" if error["phase"] else error["message"]


def error_remarks(error: ErrorDocument) -> Iterator[str]:
    """Why it is so, the next step, and where there is more to read."""
    if error["cause"]:
        yield f"cause: {error['cause']}"
    if error["hint"]:
        yield f"next: {error['hint']}"
    yield f"more: cook explain {error['code']}"


def error_text(error: ErrorDocument) -> str:
    """All there is to say of an error, in several lines."""
    output = [error["output"]] if error["output"] else []
    return "\n".join([error_line(error), *output, *error_remarks(error)])


def error_sentence(error: ErrorDocument) -> str:
    """Return an error in one line, without the output of commands."""
    return f"{error_line(error)} ({'; '.join(error_remarks(error))})"


def minute(time: str) -> str:
    """
    Return a time of a document, to the minute.

    >>> minute("2026-05-01T12:00:00.000Z")
    '2026-05-01 12:00'
    """
    return time[:16].replace("T", " ")


def percent(share: float | None) -> str:
    """
    Return a share; one below 100 % is never rounded to 100 %.

    >>> percent(99.99), percent(100.0), percent(None)
    ('99.9 %', '100 %', '-')
    """
    return "-" if share is None else f"{math.floor(share * 10) / 10:g} %"


def sides(found: Any, wanted: Any) -> tuple[str, str]:
    """
    Return a property's two values on one line each; what differs is never cut.

    An option of a key at the end of a long line decides who may log in. Items that both of two
    long lists have are counted instead of shown.

    >>> sides(["a" * 80, "b" * 80], ["a" * 80, "c"])[1]
    'c (and 1 the same)'
    """
    texts = value(found), value(wanted)
    lists = isinstance(found, list | tuple) and isinstance(wanted, list | tuple)
    if not lists or max(map(len, texts)) <= _LONGEST_LIST:
        return texts
    left = _without_same(found, wanted), _without_same(wanted, found)
    return texts if left[0] == left[1] else left  # equal: only the order differs


def _without_same(items: Sequence[object], others: Sequence[object]) -> str:
    """Return the items that the other list does not have, and the number of the rest."""
    same = Counter(map(str, items)) & Counter(map(str, others))
    left = list((Counter(map(str, items)) - same).elements())
    count = same.total()
    return value(left) + (f" (and {count} the same)" if count else "")


def value(given: object) -> str:
    """Return a property's value on one line."""
    match given:
        case None:
            return "-"
        case [*items]:
            text = ", ".join(map(str, items)) or "(none)"
        case _:
            text = str(given)
    return text.replace("\n", "\\n")


def place(resource: ResourceDocument) -> tuple[str, int | None]:
    """Return the file and the line that declare it."""
    file, colon, line = resource["where"].rpartition(":")
    return (file, int(line)) if colon and line.isdigit() else (resource["where"], None)


def word(resource: ResourceDocument) -> str:
    """
    Return the resource type.

    >>> word({"id": "file[/etc/motd]"})  # type: ignore[typeddict-item]
    'file'
    """
    return resource["id"].partition("[")[0]
