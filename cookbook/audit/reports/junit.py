"""JUnit XML of an audit: a suite for each host, a case for each control."""

from __future__ import annotations

from collections import Counter
from xml.etree import ElementTree as ET

from cookbook.audit.document import AuditDocument, ControlDocument, JudgementDocument, sentence
from cookbook.reports.junit import JUnitResult, xml_text

_RESULTS: dict[str, JUnitResult] = {
    "failed": "failure",
    "error": "error",
    "waived": "skipped",
    "not applicable": "skipped",
}


def render(document: AuditDocument) -> str:
    """Return the report as XML, for a CI server to show beside its tests."""
    suites = [_suite(name, document) for name in document["hosts"]]
    root = ET.Element("testsuites", name=xml_text(f"cook audit {document['profile']}"))
    for count in ("tests", "failures", "errors"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in suites)))
    root.set("time", f"{document['seconds']:.3f}")
    root.extend(suites)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _suite(name: str, document: AuditDocument) -> ET.Element:
    cases = [_case(control, control["hosts"][name]) for control in document["controls"]]
    results = Counter(result.tag for case in cases for result in case)
    suite = ET.Element(
        "testsuite",
        name=xml_text(name),
        tests=str(len(cases)),
        failures=str(results["failure"]),
        errors=str(results["error"]),
        skipped=str(results["skipped"]),
        time=f"{document['hosts'][name]['seconds']:.3f}",
        timestamp=xml_text(document["started"].partition(".")[0].removesuffix("Z")),
        hostname=xml_text(name),
    )
    suite.extend(cases)
    return suite


def _case(control: ControlDocument, judgement: JudgementDocument) -> ET.Element:
    file = control["where"].rpartition(":")[0]
    case = ET.Element(
        "testcase",
        name=xml_text(f"{control['id']}: {control['title']}"),
        classname=xml_text(file),
        time="0.000",
    )
    status = judgement["status"]
    if (result := _RESULTS.get(status)) is not None:
        message = sentence(judgement) or status
        told = ET.SubElement(case, result, type=status, message=xml_text(message))
        remedy = [f"remedy: {control['remedy']}"] if control["remedy"] else []
        severity = f"severity: {control['severity']}"
        lines = [control["where"], severity, *judgement["reasons"], *remedy]
        told.text = xml_text("\n".join(lines))
    return case
