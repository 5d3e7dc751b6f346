"""An editor completes a recipe and rejects a wrong one: mypy and pyright say so, line by line."""

from __future__ import annotations

import json
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RECIPES = Path("tests/typing/recipes.py")


def marked(pattern: str) -> set[int]:
    lines = (ROOT / RECIPES).read_text().splitlines()
    return {number for number, line in enumerate(lines, 1) if re.search(pattern, line)}


def test_mypy_accepts_and_rejects_what_it_must() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--no-error-summary", RECIPES],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    found = {int(n) for n in re.findall(rf"^{RECIPES}:(\d+): error", done.stdout, re.MULTILINE)}

    assert found == marked(r"# error$"), done.stdout


@pytest.mark.slow
def test_pyright_accepts_and_rejects_what_it_must() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pyright", "--outputjson", "-p", RECIPES.parent],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    found = {
        d["range"]["start"]["line"] + 1: d["message"]
        for d in json.loads(done.stdout)["generalDiagnostics"]
        if d["severity"] == "error"
    }

    assert set(found) == marked(r"# error"), found


@pytest.mark.slow
def test_pyright_accepts_the_whole_tree() -> None:
    """`make check` has it look at changed files only."""
    done = subprocess.run(
        [sys.executable, "-m", "pyright"], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("sample", sorted(ROOT.glob("sample_cookbooks/*/")), ids=lambda p: p.name)
def test_the_sample_cookbooks_are_typed(
    sample: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    cache = tmp_path_factory.getbasetemp() / "mypy"  # of cook itself, which all of them import
    strict = ("--strict", "--config-file=", "--cache-dir", cache)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *strict, *sample.glob("*.py")],
        capture_output=True,
        text=True,
        check=False,
        cwd=sample,
        env=os.environ | {"MYPYPATH": str(ROOT)},
    )

    assert done.returncode == 0, done.stdout


def test_type_checkers_are_told_of_all_resource_types() -> None:
    stub = runpy.run_path(str(ROOT / "scripts/types"))["stub"]()

    assert (ROOT / "resources/__init__.pyi").read_text() == stub, "run `make types`"
