"""A restart that a run owed and did not come to is done by the next run, once."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cookbook.cli import main
from tests.texts import check_document
from tests.waiting import eventually

HEADING = "from cookbook.resources import *\nfrom cookbook.recipe import *\n"
RECIPE = """
file(f"{D}/conf", content="new", notifies=[TIMING("run", "execute[reread]")])
execute("reread", command=f"echo reread >>{D}/acts", action="nothing")
execute("stumble", command=f"touch {D}/begun; SLEEP; test ! -e {D}/bad",
        not_if=f"test -e {D}/good")
"""

Cook = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def cook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Cook:
    monkeypatch.chdir(tmp_path)

    def run(*words: str, timing: str = "delayed", sleep: str = ":") -> tuple[int, dict[str, Any]]:
        recipe = RECIPE.replace("TIMING", timing).replace("SLEEP", sleep)
        Path("r.py").write_text(f"{HEADING}D = {str(tmp_path)!r}\n{recipe}")
        status = main([*words, "--local", "--output", "json"])
        return status, json.loads(capsys.readouterr().out)

    return run


def acts() -> int:
    return len(Path("acts").read_text().splitlines()) if Path("acts").exists() else 0


def killed_in_the_middle() -> None:
    words = [sys.executable, "-m", "cookbook.cli", "converge", "r.py", "--local"]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, start_new_session=True) as run:
        eventually(Path("begun").exists)
        run.kill()


@pytest.mark.slow
def test_killed_between_the_change_and_the_restart(cook: Cook) -> None:
    cook("plan", "r.py", sleep="sleep 5")  # writes the recipe
    killed_in_the_middle()
    assert (Path("conf").read_text(), acts()) == ("new", 0)
    Path("good").touch()

    status, planned = cook("plan", "r.py")
    assert status == 2
    [owed] = [r for r in planned["hosts"]["localhost"]["resources"] if r["status"] == "changed"]
    assert owed["id"] == "execute[reread]"
    assert owed["because"].startswith(f"file[{Path.cwd()}/conf] (run ")
    check_document("C58-owed", planned, {str(Path.cwd()): "/tmp/d"})

    assert cook("converge", "r.py", "--wait", "60s")[0] == 0
    assert acts() == 1
    assert cook("plan", "r.py")[0] == 0
    assert cook("converge", "r.py")[1]["totals"]["changed"] == 0
    assert acts() == 1


def test_a_run_that_comes_to_it_owes_nothing(cook: Cook) -> None:
    Path("good").touch()
    assert cook("converge", "r.py")[0] == 0
    assert acts() == 1
    assert cook("plan", "r.py")[0] == 0


def test_a_run_that_fails_does_what_it_owes_and_owes_nothing_more(cook: Cook) -> None:
    Path("bad").touch()
    assert cook("converge", "r.py")[0] == 3
    assert acts() == 1
    Path("bad").unlink()
    Path("good").touch()
    assert cook("converge", "r.py")[1]["totals"]["changed"] == 0
    assert acts() == 1


@pytest.mark.slow
def test_an_applied_plan_that_is_killed_owes_it_to_the_next_converge(cook: Cook) -> None:
    cook("plan", "r.py", "-o", "p.cook", sleep="sleep 5")
    words = [sys.executable, "-m", "cookbook.cli", "apply", "p.cook", "--local"]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, start_new_session=True) as run:
        eventually(Path("begun").exists)
        run.kill()
    Path("good").touch()
    cook("converge", "r.py", "--wait", "60s")
    assert acts() == 1


def test_what_is_not_declared_any_more_is_forgotten(
    cook: Cook, capsys: pytest.CaptureFixture[str]
) -> None:
    cook("plan", "r.py", sleep="sleep 5")
    killed_in_the_middle()
    Path("r.py").write_text(f"{HEADING}file({str(Path.cwd() / 'other')!r})\n")

    assert main(["converge", "r.py", "--local", "--wait", "60s"]) == 0
    capsys.readouterr()
    Path("good").touch()
    assert cook("plan", "r.py")[0] == 0
    assert acts() == 0
