"""The resource type of CONTRIBUTING.md: its files, added to a copy of the tree, suffice."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILE = re.compile(r"^`([\w./]+)`:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RECIPE = "from cookbook.resources import named_pipe\nnamed_pipe({!r}, mode={})\n"


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the type needs of the tree, and the files of CONTRIBUTING.md."""
    tree = tmp_path_factory.mktemp("tree")
    unwanted = shutil.ignore_patterns("__pycache__")
    for folder in ("cookbook", "resources", "providers", "scripts"):
        shutil.copytree(ROOT / folder, tree / folder, symlinks=True, ignore=unwanted)
    (tree / "tests/cases").mkdir(parents=True)
    for file in ("tests/data.py", "tests/providers/test_cases.py", "setup.cfg", "ruff.toml"):
        (tree / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, tree / file)
    files = FILE.findall((ROOT / "CONTRIBUTING.md").read_text())
    assert {Path(name).stem for name, _ in files} == {"named_pipe"}
    assert len(files) == 4
    for name, text in files:
        assert not (tree / name).exists()
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    subprocess.run([tree / "scripts/types"], check=True)
    return tree


def python(tree: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a module of Python in the copy; return what it says."""
    state = str(tree / "state")
    return subprocess.run(
        [sys.executable, "-m", *words],
        cwd=tree,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(tree), "MYPYPATH": str(tree), "XDG_STATE_HOME": state},
    )


@pytest.mark.slow
def test_its_cases_are_found_and_hold(tree: Path) -> None:
    done = python(tree, "pytest", "-q", "-p", "no:cacheprovider", "tests/providers/test_cases.py")

    assert "3 passed" in done.stdout, done.stdout


def test_its_files_are_formatted_and_pass_the_linter(tree: Path) -> None:
    for command in (["check"], ["format", "--check"]):
        done = python(tree, "ruff", *command, "--no-cache", "resources", "providers")
        assert done.returncode == 0, done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(("mode", "status"), [('"0600"', 0), ("6.0", 1)], ids=["right", "wrong"])
def test_type_checkers_know_its_function(tree: Path, mode: str, status: int) -> None:
    (tree / "recipe.py").write_text(RECIPE.format("/run/app.fifo", mode))
    done = python(tree, "mypy", "--strict", "--config-file=", "recipe.py")

    assert done.returncode == status, done.stdout
    assert ("arg-type" in done.stdout) == (status == 1), done.stdout


@pytest.mark.slow
def test_it_is_converged_listed_and_undone(tree: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    (tree / "recipe.py").write_text(RECIPE.format(str(pipe), '"0640"'))

    assert "named_pipe" in python(tree, "cookbook.cli", "resources").stdout
    first = python(tree, "cookbook.cli", "converge", "recipe.py", "--local")
    assert "1 changed" in first.stdout + first.stderr, first
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert pipe.stat().st_mode & 0o777 == 0o640
    undone = python(tree, "cookbook.cli", "undo", "last", "--local", "--yes")
    assert undone.returncode == 0, undone
    assert not pipe.exists()
    python(tree, "cookbook.cli", "converge", "recipe.py", "--local")
    second = python(tree, "cookbook.cli", "converge", "recipe.py", "--local")
    assert "Resources: 1 ok." in second.stdout + second.stderr, second
