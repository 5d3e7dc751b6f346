"""Findings as text, JSON, SARIF and annotations of GitHub."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cookbook import __version__
from cookbook.lint.finding import Finding
from cookbook.lint.rules import RULES
from cookbook.text.sanitize import clean, one_line

Written = Callable[[Sequence[Finding], int], str]
"""Returns the text of a report: the findings, and the number of those that were mended."""


def text(findings: Sequence[Finding], mended: int) -> str:
    """Return one line for each finding, then how many there are."""
    lines = [
        f"{f.path}:{f.line}:{f.column}: {f.code}{' [*]' if f.fix else ''} {f.message}"
        for f in findings
    ]
    if mended:
        lines.append(f"{mended} mended.")
    if not findings:
        return "\n".join([*map(one_line, lines), "No findings.\n"])
    by_code = Counter(finding.code for finding in findings)
    counts = ", ".join(f"{number} {code}" for code, number in sorted(by_code.items()))
    lines.append(f"{len(findings)} finding{'s' if len(findings) > 1 else ''}: {counts}.")
    if able := sum(bool(finding.fix) for finding in findings):
        lines.append(f"[*] `cook lint --fix` mends {able} of them.")
    lines.append(f"`cook lint --explain {findings[0].code}` says why, and how it should be.")
    return "\n".join(map(one_line, lines)) + "\n"


def as_json(findings: Sequence[Finding], mended: int) -> str:
    """Return one document."""
    told = [
        {
            "code": f.code,
            "rule": RULES[f.code].name if f.code in RULES else "syntax",
            "path": str(f.path),
            "line": f.line,
            "column": f.column,
            "message": clean(f.message),
            "fixable": bool(f.fix),
        }
        for f in findings
    ]
    return json.dumps({"schema": 1, "mended": mended, "findings": told}, indent=2) + "\n"


def sarif(findings: Sequence[Finding], _mended: int) -> str:
    """Return a SARIF 2.1.0 log. https://docs.oasis-open.org/sarif/sarif/v2.1.0/."""
    codes = sorted({finding.code for finding in findings})
    rules = [_sarif_rule(code) for code in codes]
    results = [
        {
            "ruleId": f.code,
            "ruleIndex": codes.index(f.code),
            "level": "warning",
            "message": {"text": clean(f.message)},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": f.path.as_posix()},
                        "region": {"startLine": f.line, "startColumn": f.column},
                    }
                }
            ],
        }
        for f in findings
    ]
    driver = {"name": "cook lint", "version": __version__, "rules": rules}
    log: dict[str, Any] = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
        ],
    }
    return json.dumps(log, indent=1) + "\n"


def _sarif_rule(code: str) -> dict[str, Any]:
    rule = RULES.get(code)
    return {
        "id": code,
        "name": rule.name if rule else "syntax",
        "shortDescription": {"text": f"{rule.summary if rule else 'A recipe is no Python'}."},
        "fullDescription": {"text": rule.why if rule else "It cannot be read."},
    }


def github(findings: Sequence[Finding], _mended: int) -> str:
    """Return commands of a GitHub workflow, which show each finding beside its line."""
    return "".join(
        f"::warning file={_escaped(str(f.path))},line={f.line},col={f.column},"
        f"title={f.code}::{_escaped(f.message)}\n"
        for f in findings
    )


def _escaped(value: str) -> str:
    for sign, code in (("%", "%25"), ("\r", "%0D"), ("\n", "%0A"), (":", "%3A"), (",", "%2C")):
        value = value.replace(sign, code)
    return clean(value)


FORMATS: Mapping[str, Written] = {
    "text": text,
    "json": as_json,
    "sarif": sarif,
    "github": github,
}
