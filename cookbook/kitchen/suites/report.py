"""The results of suites as lines of text, JSON, and JUnit XML with a case for each stage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree as ET

from cookbook.kitchen.suites.stages import StageResult
from cookbook.reports.junit import xml_text
from cookbook.reports.text import StyledLine
from cookbook.text.sanitize import clean

SCHEMA = 1
_STYLES = {"passed": "green", "failed": "bold red", "skipped": "yellow"}


@dataclass
class SuiteReport:
    """The result of one suite on one release."""

    suite: str
    release: str
    stages: list[StageResult] = field(default_factory=list)
    kept: Sequence[tuple[str, str]] = ()
    """The hosts that are left, each with the command that opens a shell on it."""

    down: str = ""
    """The command that takes down what is left; empty if nothing is."""

    @property
    def name(self) -> str:
        """Suite and release: web-bookworm."""
        return f"{self.suite}-{self.release}"

    @property
    def failed(self) -> bool:
        """True if a stage failed, or the suite was not done to its end."""
        results = {stage.stage: stage.status for stage in self.stages}
        return any(
            status == "failed" or (status == "skipped" and stage != "destroy")
            for stage, status in results.items()
        )

    @property
    def seconds(self) -> float:
        """The time of all stages."""
        return sum(stage.seconds for stage in self.stages)


def stage_lines(report: SuiteReport, stage: StageResult, width: int) -> Iterator[StyledLine]:
    """Yield the lines about a stage that is over; `width` is that of the longest name."""
    time = "" if stage.status == "skipped" else f"{stage.seconds:6.1f} s"
    message = f"  {stage.message}" if stage.message else ""
    line = f"{report.name:{width}}  {stage.stage:8}  {stage.status:7} {time:8}{message}"
    yield _STYLES[stage.status], line.rstrip()
    if stage.details and stage.details != stage.message:
        yield from (("", f"    {line}") for line in stage.details.splitlines())


def summary_lines(reports: Sequence[SuiteReport]) -> Iterator[StyledLine]:
    """Yield what is left and how to look at it, then the count."""
    for report in reports:
        if report.down:
            yield "bold", f"{report.name} is kept:"
            yield from (("", f"  {name}: {login}") for name, login in report.kept)
            yield "", f"  when you have looked: {report.down}"
    failed = [report.name for report in reports if report.failed]
    count = f"{len(reports)} suite{'s' if len(reports) != 1 else ''}"
    if failed:
        yield "bold red", f"{count}: {len(failed)} failed ({', '.join(failed)})."
    else:
        yield "bold green", f"{count}: all passed."


def suites_json(reports: Sequence[SuiteReport]) -> dict[str, Any]:
    """Return all results as one document."""
    return {
        "schema": SCHEMA,
        "passed": not any(report.failed for report in reports),
        "suites": [
            {
                "suite": report.suite,
                "release": report.release,
                "passed": not report.failed,
                "seconds": round(report.seconds, 3),
                "stages": [_stage_json(stage) for stage in report.stages],
                "kept": [{"host": name, "login": login} for name, login in report.kept],
                "down": report.down,
            }
            for report in reports
        ],
    }


def _stage_json(stage: StageResult) -> dict[str, object]:
    return {
        "stage": stage.stage,
        "status": stage.status,
        "seconds": round(stage.seconds, 3),
        "message": clean(stage.message),
        "details": clean(stage.details),
    }


def junit(reports: Sequence[SuiteReport]) -> str:
    """Return JUnit XML: a suite for each suite and release, a case for each stage."""
    root = ET.Element("testsuites", name="cook kitchen test")
    root.extend(_junit_suite(report) for report in reports)
    for count in ("tests", "failures", "errors"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in root)))
    root.set("time", f"{sum(report.seconds for report in reports):.3f}")
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _junit_suite(report: SuiteReport) -> ET.Element:
    counts = {
        name: sum(stage.status == status for stage in report.stages)
        for name, status in (("failures", "failed"), ("skipped", "skipped"))
    }
    suite = ET.Element(
        "testsuite",
        name=report.name,
        tests=str(len(report.stages)),
        failures=str(counts["failures"]),
        errors="0",
        skipped=str(counts["skipped"]),
        time=f"{report.seconds:.3f}",
    )
    for stage in report.stages:
        place = f"kitchen.{report.suite}.{report.release}"
        case = ET.SubElement(
            suite, "testcase", name=stage.stage, classname=place, time=f"{stage.seconds:.3f}"
        )
        if stage.status != "passed":
            kind = "failure" if stage.status == "failed" else "skipped"
            told = ET.SubElement(case, kind, type=kind, message=xml_text(stage.message))
            told.text = xml_text(stage.details)
    return suite
