"""JUnit XML is what CI servers expect, whatever a host says."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import xmlschema

from cookbook.reports import render
from cookbook.reports.schema import Document

SCHEMA = xmlschema.XMLSchema(Path(__file__).with_name("junit-10.xsd"))
"""Jenkins' (MIT, its licence is in it), as pytest tests its own reports by."""


def cases(document: Document) -> dict[str, ET.Element | None]:
    """Name of each case of the first host -> what is said of it."""
    root = ET.fromstring(render(document, "junit"))  # noqa: S314 - ours
    return {case.get("name", ""): next(iter(case), None) for case in root[0].iter("testcase")}


def test_it_is_valid(one_of_each: Document, hostile: Document) -> None:
    SCHEMA.validate(render(one_of_each, "junit"))
    SCHEMA.validate(render(hostile, "junit"))


def test_a_suite_for_each_host_a_case_for_each_resource(one_of_each: Document) -> None:
    root = ET.fromstring(render(one_of_each, "junit"))  # noqa: S314 - ours
    counts = [
        (suite.get("name"), *map(suite.get, ("tests", "failures", "errors", "skipped")))
        for suite in root
    ]
    assert counts == [
        ("web1", "9", "3", "1", "4"),
        ("web2", "2", "0", "0", "0"),
        ("db1", "1", "0", "1", "0"),
    ]
    assert [root.get(name) for name in ("tests", "failures", "errors")] == ["12", "3", "2"]


def test_drift_fails_what_cannot_be_judged_is_skipped(one_of_each: Document) -> None:
    tags = {
        name: case.tag if case is not None else None for name, case in cases(one_of_each).items()
    }
    assert tags == {
        "package[nginx]": None,
        "file[/etc/motd]": "failure",
        "file[/etc/hosts]": "failure",
        "user[www]": "failure",
        "file[/etc/issue]": "skipped",
        "service[nginx]": "skipped",
        "group[adm]": "error",
        "file[/x]": "skipped",
        "execute[true]": "skipped",
    }


def test_the_line_of_the_recipe_and_the_diff_are_in_the_text(one_of_each: Document) -> None:
    case = cases(one_of_each)["file[/etc/motd]"]
    assert case is not None
    assert case.text is not None
    assert case.text.startswith("web.py:12: drift: the host has changed since the last run")
    assert "\n-old\n+new\n" in case.text
