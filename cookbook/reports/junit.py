"""
JUnit XML: a suite for each host, a case for each resource.

As the XSD of Jenkins' xunit plugin has it, which pytest's own reports follow: a test case
has no line, so the line is in the text.
"""

from __future__ import annotations

from collections import Counter
from typing import Literal
from xml.etree import ElementTree as ET

from cookbook.reports.phrases import (
    MEANING,
    ResourceOutcome,
    error_line,
    error_text,
    minute,
    outcome,
    percent,
    place,
    sentence,
)
from cookbook.reports.schema import Document, HostDocument, ResourceDocument
from cookbook.text.sanitize import clean

JUnitResult = Literal["failure", "error", "skipped"]

_RESULTS: dict[ResourceOutcome, JUnitResult] = {
    "drift": "failure",
    "intent": "failure",
    "differs": "failure",
    "failed": "error",
    "refused": "error",
    "unknown": "skipped",
    "skipped": "skipped",
    "excused": "skipped",
    "act": "skipped",
    "not-run": "skipped",
    "orphaned": "skipped",
    "unmanaged": "failure",
}
"""Whatever is in line, or was brought into line, has passed."""

_NOT_XML = {0xFFFE: "\\ufffe", 0xFFFF: "\\uffff"}
"""XML 1.0 has no way to say these; control characters are shown by `clean`."""


def render(document: Document) -> str:
    """Return the report as XML, for a CI server to show beside its tests."""
    suites = [_suite(name, host, document) for name, host in document["hosts"].items()]
    root = ET.Element("testsuites", name=xml_text(f"cook {document['mode']}"))
    for count in ("tests", "failures", "errors"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in suites)))
    root.set("time", f"{document['seconds']:.3f}")
    root.extend(suites)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _suite(name: str, host: HostDocument, document: Document) -> ET.Element:
    cases = [_case(resource, document) for resource in host["resources"]]
    if host["error"] is not None:
        cases.append(_host_case(host))
    results = Counter(result.tag for case in cases for result in case)
    suite = ET.Element(
        "testsuite",
        name=xml_text(name),
        tests=str(len(cases)),
        failures=str(results["failure"]),
        errors=str(results["error"]),
        skipped=str(results["skipped"]),
        time=f"{host['seconds']:.3f}",
        timestamp=xml_text(document["started"].partition(".")[0].removesuffix("Z")),
        hostname=xml_text(name),
    )
    suite.append(_properties(host, document))
    suite.extend(cases)
    return suite


def _properties(host: HostDocument, document: Document) -> ET.Element:
    given = {
        "run": document["run"],
        "revision": document["revision"],
        "status": host["status"],
        "in line": percent(host["in_line"]),
    }
    properties = ET.Element("properties")
    for key, value in given.items():
        if value is not None:
            ET.SubElement(properties, "property", name=key, value=xml_text(value))
    return properties


def _case(resource: ResourceDocument, document: Document) -> ET.Element:
    file, _ = place(resource)
    case = ET.Element(
        "testcase",
        name=xml_text(resource["id"]),
        classname=xml_text(file),
        time=f"{resource['seconds']:.3f}",
    )
    what = outcome(resource, document["mode"])
    if (result := _RESULTS.get(what)) is not None:
        told = ET.SubElement(
            case, result, type=what, message=xml_text(sentence(resource, document))
        )
        told.text = xml_text(_details(resource, what))
    return case


def _details(resource: ResourceDocument, what: ResourceOutcome) -> str:
    """Return the details that do not fit in a line."""
    lines = [f"{resource['where']}: {what}: {MEANING[what]}"]
    if resource["since"]:
        lines.append(f"first seen {minute(resource['since'])} UTC")
    if resource["error"] is not None:
        lines.append(error_text(resource["error"]))
    if resource["diff"] is not None:
        lines.append(resource["diff"])
    return "\n".join(lines)


def _host_case(host: HostDocument) -> ET.Element:
    """Return the case for an error of a host that belongs to no resource."""
    case = ET.Element("testcase", name="host", classname="host", time=f"{host['seconds']:.3f}")
    if (error := host["error"]) is not None:
        message = xml_text(error_line(error))
        told = ET.SubElement(case, "error", type=xml_text(error["code"]), message=message)
        told.text = xml_text(error_text(error))
    return case


def xml_text(text: str) -> str:
    """Return text that XML 1.0 can contain."""
    return clean(text).translate(_NOT_XML)
