"""
SARIF 2.1.0: a result for each resource of each host that is not in line.

A code host shows each at the line of the recipe that declares it. The fingerprint is that
of the place and the host, not of the values, so that a drift stays the same alert until
it is gone. https://docs.oasis-open.org/sarif/sarif/v2.1.0/
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from cookbook.reports.phrases import (
    OUT_OF_LINE,
    ResourceOutcome,
    error_sentence,
    outcome,
    place,
    sentence,
    word,
)
from cookbook.reports.schema import Document, ErrorDocument, HostDocument, ResourceDocument
from cookbook.text.sanitize import clean

SARIF_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_LEVELS: dict[ResourceOutcome, str] = {"failed": "error", "refused": "error", "unknown": "note"}
"""Everything else that is not in line is a warning."""


def render(document: Document) -> str:
    """Return the report as a SARIF log with one run."""
    log = {"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [_run(document)]}
    return json.dumps(log, indent=1) + "\n"


def _run(document: Document) -> dict[str, Any]:
    results = list(_results(document))
    words = sorted({result["ruleId"] for result in results})
    for result in results:
        result["ruleIndex"] = words.index(result["ruleId"])
    return {
        "tool": {"driver": _driver(document, words)},
        "automationDetails": {"id": f"cook-{document['mode']}/{document['run']}"},
        "invocations": [_invocation(document)],
        "columnKind": "unicodeCodePoints",
        "results": results,
    }


def _driver(document: Document, words: list[str]) -> dict[str, Any]:
    rules = [
        {
            "id": word,
            "shortDescription": {"text": f"A {word} is not as its recipe says."},
            "defaultConfiguration": {"level": "warning"},
        }
        for word in words
    ]
    return {"name": "cook", "version": document["version"], "rules": rules}


def _invocation(document: Document) -> dict[str, Any]:
    notes = [
        _notification(name, host["error"])
        for name, host in document["hosts"].items()
        if host["error"] is not None
    ]
    return {
        "executionSuccessful": document["exit"] in (0, 2),
        "exitCode": document["exit"],
        "startTimeUtc": document["started"],
        "commandLine": clean(" ".join(document["command"])),
        "toolExecutionNotifications": notes,
        "properties": {"inLine": document["in_line"], "revision": document["revision"]},
    }


def _notification(name: str, error: ErrorDocument) -> dict[str, Any]:
    """Return the notification for a host that could not be asked; it has no line in a recipe."""
    return {
        "level": "error",
        "descriptor": {"id": clean(error["code"])},
        "message": {"text": clean(f"{name}: {error_sentence(error)}")},
        "locations": [{"logicalLocations": [host_location(name)]}],
    }


def _results(document: Document) -> Iterator[dict[str, Any]]:
    for name, host in document["hosts"].items():
        yield from _host_results(name, host, document)


def _host_results(name: str, host: HostDocument, document: Document) -> Iterator[dict[str, Any]]:
    seen: set[str] = set()
    for resource in host["resources"]:
        what = outcome(resource, document["mode"])
        if (what in OUT_OF_LINE or what == "excused") and resource["id"] not in seen:
            seen.add(resource["id"])
            yield _result(name, resource, what, document)


def _result(
    name: str, resource: ResourceDocument, what: ResourceOutcome, document: Document
) -> dict[str, Any]:
    text = f"{resource['id']} on {name}: {sentence(resource, document)}"
    result: dict[str, Any] = {
        "ruleId": clean(word(resource)),
        "level": _LEVELS.get(what, "warning"),
        "message": {"text": clean(text)},
        "locations": [_location(name, resource)],
        "partialFingerprints": {"resourceOnHost/v1": _fingerprint(name, resource)},
        "properties": {"outcome": what, "host": name, "since": resource["since"]},
    }
    if (error := resource["error"]) is not None:
        told = {"code": error["code"], "phase": error["phase"], "hint": error["hint"] or ""}
        result["properties"] |= {key: clean(text) for key, text in told.items()}
    if (excuse := resource["excused"]) is not None:
        justification = clean(excuse["reason"])
        result["suppressions"] = [{"kind": "external", "justification": justification}]
    return result


def _location(name: str, resource: ResourceDocument) -> dict[str, Any]:
    file, line = place(resource)
    thing = {
        "name": clean(resource["id"]),
        "fullyQualifiedName": clean(f"{name}/{resource['id']}"),
        "kind": "resource",
    }
    physical: dict[str, Any] = {"artifactLocation": artifact(file)}
    if line is not None:
        physical["region"] = {"startLine": max(line, 1)}
    return {"physicalLocation": physical, "logicalLocations": [host_location(name), thing]}


def host_location(name: str) -> dict[str, Any]:
    """Return the logical location of a host."""
    return {"name": clean(name), "fullyQualifiedName": clean(name), "kind": "host"}


def artifact(file: str) -> dict[str, Any]:
    """Return the location of a file: from the root of the sources, if it is below this folder."""
    if file.startswith("/"):
        return {"uri": f"file://{quote(_bytes(file))}"}
    return {"uri": quote(_bytes(file)), "uriBaseId": "%SRCROOT%"}


def _fingerprint(name: str, resource: ResourceDocument) -> str:
    return fingerprint(name, place(resource)[0], resource["id"])


def fingerprint(*parts: str) -> str:
    """Return the fingerprint of an alert that these parts identify."""
    return hashlib.sha256(_bytes("\0".join(parts))).hexdigest()[:32]


def _bytes(text: str) -> bytes:
    """Return the bytes of a text that may contain undecodable bytes."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")
