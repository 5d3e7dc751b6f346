"""
A compact form of a document for the page: equal values are stored once.

In a fleet, most resources are in line on most hosts, and the differences are alike: so each
distinct result of a resource is stored once, and a host is a list of small numbers. A diff is
the numbers of its lines: most lines are the same on all hosts. Times are in milliseconds; texts
are numbers, too, and 0 is no text.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import Any

from cookbook.reports.phrases import (
    MEANING,
    by_features,
    error_line,
    error_remarks,
    host_state,
    notices,
    outcome,
    sides,
)
from cookbook.reports.schema import Document, ErrorDocument, HostDocument, ResourceDocument
from cookbook.text.sanitize import clean


def packed(document: Document) -> dict[str, Any]:
    """Return the values that the page reads; `assets/model.js` unpacks them."""
    tables = _Tables(document)
    hosts = [tables.host(name, host) for name, host in document["hosts"].items()]
    return {
        "run": _run(document),
        "meaning": dict(MEANING),
        "texts": list(tables.texts),
        "things": [json.loads(thing) for thing in tables.things],
        "hosts": hosts,
    }


def _run(document: Document) -> dict[str, Any]:
    """Return the values of the run as a whole."""
    same = ("run", "mode", "exit", "started", "seconds", "version")
    shown = {"by": document["by"], "revision": document["revision"], "origin": document["origin"]}
    return {
        **{key: document[key] for key in same},  # type: ignore[literal-required]  # they are keys
        **{key: clean(text) for key, text in shown.items() if text is not None},
        "in_line": document["in_line"],
        "command": clean(" ".join(document["command"])),
        "recipes": [clean(recipe) for recipe in document["recipes"]],
        "remarks": [clean(remark) for remark in notices(document)],
    }


@dataclass
class _Tables:
    """Texts and things by their number; the first text is none."""

    document: Document
    texts: dict[str, int] = field(default_factory=lambda: {"": 0})
    things: dict[str, int] = field(default_factory=dict)

    def text(self, text: str | None) -> int:
        return self.texts.setdefault(clean(text or ""), len(self.texts))

    def host(self, name: str, host: HostDocument) -> dict[str, Any]:
        resources = host["resources"]
        began = [_milliseconds(resource["began"] - host["began"]) for resource in resources]
        error = self._error(host["error"])
        since = [
            number
            for place, resource in enumerate(resources)
            if resource["since"] is not None
            for number in (place, self.text(resource["since"]))
        ]
        return {
            "name": clean(name),
            "state": host_state(host, self.document["mode"]),
            "inLine": _rounded(host["in_line"]),
            "times": [_milliseconds(host["began"]), _milliseconds(host["seconds"])],
            "exchanges": host["exchanges"],
            "things": [self.thing(resource) for resource in resources],
            "began": _without_tail(_steps(began)),
            "took": _without_tail([_milliseconds(r["seconds"]) for r in resources]),
            **({"since": since} if since else {}),
            **({"error": error} if error else {}),
        }

    def thing(self, resource: ResourceDocument) -> int:
        """All that is said of a resource but its times."""
        changes = [
            [self.text(name), *map(self.text, sides(found, wanted))]
            for name, (found, wanted) in resource["changes"].items()
        ]
        excuse = resource["excused"]
        said = {
            "id": self.text(resource["id"]),
            "where": self.text(resource["where"]),
            "outcome": outcome(resource, self.document["mode"]),
            "kind": resource["kind"] if resource["kind"] != "none" else 0,
            "changes": changes or 0,
            "error": self._error(resource["error"]),
            "excuse": [self.text(excuse["reason"]), self.text(excuse["until"])] if excuse else 0,
            "ignored": int(resource["ignored"]),
            "diff": self._lines(resource["diff"]),
            "features": self.text("; ".join(by_features(resource))),
            "parallel": self.text(", ".join(resource.get("parallel", []))),
        }
        texts = ("ran", "note", "because", "until", "lost", "orphan")
        said |= {key: self.text(resource[key]) for key in texts}  # type: ignore[literal-required]  # they are keys
        kept = {key: what for key, what in said.items() if what != 0}
        written = json.dumps(kept, separators=(",", ":"))
        return self.things.setdefault(written, len(self.things))

    def _lines(self, diff: str | None) -> list[int] | int:
        return [self.text(line) for line in diff.split("\n")] if diff else 0

    def _error(self, error: ErrorDocument | None) -> list[int] | int:
        """Return the numbers of an error: its kind, output and texts."""
        if error is None:
            return 0
        remarks = (f"{remark[:1].upper()}{remark[1:]}" for remark in error_remarks(error))
        said = (error_line(error), error["output"], "\n".join(remarks))
        return [self.text(text) for text in said]


def _rounded(share: float | None) -> float | None:
    """Down, so that what is not whole never becomes it."""
    return None if share is None else math.floor(share * 100) / 100


def _milliseconds(seconds: float) -> int:
    return max(0, round(seconds * 1000))


def _steps(times: list[int]) -> list[int]:
    """
    Each as the difference from the one before: mostly 0.

    >>> _steps([5, 5, 7])
    [5, 0, 2]
    """
    return [time - before for before, time in zip([0, *times], times, strict=False)]


def _without_tail(numbers: list[int]) -> list[int]:
    """
    Without the zeros at the end, which need not be said.

    >>> _without_tail([1, 0, 2, 0, 0])
    [1, 0, 2]
    """
    end = next((i for i in range(len(numbers), 0, -1) if numbers[i - 1]), 0)
    return numbers[:end]
