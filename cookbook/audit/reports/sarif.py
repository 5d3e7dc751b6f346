"""
SARIF 2.1.0 of an audit: a rule for each control, a result for each host that does not pass it.

A code host shows each result at the line of the profile that declares the control. A waiver is a
suppression. https://docs.oasis-open.org/sarif/sarif/v2.1.0/
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from cookbook.audit.document import (
    AuditDocument,
    ControlDocument,
    JudgementDocument,
    judgements,
    sentence,
)
from cookbook.audit.severity import Severity
from cookbook.reports.phrases import error_sentence
from cookbook.reports.sarif import SARIF_SCHEMA, artifact, fingerprint, host_location
from cookbook.text.sanitize import clean

_LEVELS: dict[Severity, str] = {"high": "error", "medium": "warning", "low": "note"}
_SCORES: dict[Severity, str] = {"high": "8.0", "medium": "5.0", "low": "2.0"}
"""GitHub's `security-severity`, from 0 to 10."""


def render(document: AuditDocument) -> str:
    """Return the report as a SARIF log with one run."""
    log = {"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [_run(document)]}
    return json.dumps(log, indent=1) + "\n"


def _run(document: AuditDocument) -> dict[str, Any]:
    rules = [_rule(control) for control in document["controls"]]
    return {
        "tool": {"driver": {"name": "cook audit", "version": document["version"], "rules": rules}},
        "automationDetails": {"id": clean(f"cook-audit-{document['profile']}/{document['audit']}")},
        "invocations": [_invocation(document)],
        "columnKind": "unicodeCodePoints",
        "results": list(_results(document)),
    }


def _rule(control: ControlDocument) -> dict[str, Any]:
    rule: dict[str, Any] = {
        "id": clean(control["id"]),
        "shortDescription": {"text": clean(control["title"])},
        "fullDescription": {"text": clean(control["rationale"] or control["title"])},
        "defaultConfiguration": {"level": _LEVELS[control["severity"]]},
        "properties": {
            "security-severity": _SCORES[control["severity"]],
            "references": [clean(one) for one in control["references"]],
        },
    }
    if control["remedy"]:
        rule["help"] = {"text": clean(control["remedy"])}
    return rule


def _invocation(document: AuditDocument) -> dict[str, Any]:
    notes = [
        {
            "level": "error",
            "descriptor": {"id": clean(host["error"]["code"])},
            "message": {"text": clean(f"{name}: {error_sentence(host['error'])}")},
            "locations": [{"logicalLocations": [host_location(name)]}],
        }
        for name, host in document["hosts"].items()
        if host["error"] is not None
    ]
    return {
        "executionSuccessful": document["exit"] in (0, 2),
        "exitCode": document["exit"],
        "startTimeUtc": document["started"],
        "commandLine": clean(" ".join(document["command"])),
        "toolExecutionNotifications": notes,
    }


def _results(document: AuditDocument) -> Iterator[dict[str, Any]]:
    places = {control["id"]: place for place, control in enumerate(document["controls"])}
    for control, host, judgement in judgements(document):
        if judgement["status"] in ("failed", "error", "waived"):
            yield _result(control, host, judgement) | {"ruleIndex": places[control["id"]]}


def _result(control: ControlDocument, host: str, judgement: JudgementDocument) -> dict[str, Any]:
    file, _, line = control["where"].rpartition(":")
    result: dict[str, Any] = {
        "ruleId": clean(control["id"]),
        "level": _LEVELS[control["severity"]],
        "message": {"text": clean(f"{control['title']} ({host}): {sentence(judgement)}")},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": artifact(file),
                    "region": {"startLine": int(line)},
                },
                "logicalLocations": [host_location(host)],
            }
        ],
        "partialFingerprints": {"controlOnHost/v1": fingerprint(host, control["id"])},
        "properties": {"status": judgement["status"], "host": clean(host)},
    }
    if judgement["status"] == "error":
        result["kind"] = "open"
        result["level"] = "none"
    if (waiver := judgement["waiver"]) is not None:
        justification = clean(f"{waiver['reason']} (until {waiver['expires']}, {waiver['at']})")
        result["suppressions"] = [{"kind": "external", "justification": justification}]
    return result
