"""`cook init` and `cook new resource`: what they write works as it is."""

from __future__ import annotations

import configparser
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cookbook.cli import main
from cookbook.kitchen.suites.reader import read_suites

ROOT = Path(__file__).parents[2]


@pytest.fixture
def asks(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: Any) -> Any:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COOK_STATE", str(tmp_path / "state"))

    def ask(*words: str) -> tuple[int, str, str]:
        status = main(words)
        said = capsys.readouterr()
        return status, said.out, said.err

    return ask


def outcome_of_tests(folder: Path, *more: str) -> str:
    """Run the tests in a folder by a pytest of their own; return its last line."""
    found = {**os.environ, "PYTHONPATH": f"{folder}:{ROOT}"}
    words = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        *(more or [str(folder)]),
    ]
    done = subprocess.run(
        words, cwd=folder, env=found, capture_output=True, text=True, check=False, timeout=120
    )
    return done.stdout.splitlines()[-1] if done.returncode == 0 else done.stdout + done.stderr


def test_a_new_recipe_works_as_it_is(asks: Any, tmp_path: Path, monkeypatch: Any) -> None:
    status, out, errors = asks("init", "web_shop")
    assert (status, errors) == (0, "")
    written = out.partition("\n\n")[0].splitlines()
    assert {Path(one) for one in written} == {
        path.relative_to(tmp_path)
        for path in Path("web_shop").absolute().rglob("*")
        if path.is_file()
    }
    monkeypatch.chdir("web_shop")
    assert asks("lint", "--hosts", "hosts.yml") == (0, "No findings.\n", "")
    status, out, errors = asks("plan", "--hosts", "hosts.yml", "--only", "directory[/srv/web_shop]")
    assert (status, errors) == (2, "")
    assert "directory[/srv/web_shop]" in out
    assert re.match(r"2 passed in ", outcome_of_tests(tmp_path / "web_shop"))
    for path in (tmp_path / "web_shop").rglob("*"):
        if path.is_file() and path.suffix != ".pyc":
            assert "$" not in path.read_text(), path


@pytest.mark.slow
def test_the_kitchen_tests_of_a_new_recipe_are_for_hosts_only(asks: Any, tmp_path: Path) -> None:
    """`pytest` alone leaves them out, or they would judge this machine."""
    asks("init", "web_shop")
    folder = tmp_path / "web_shop"
    [suite] = read_suites(folder / "kitchen.yml", ["kitchen"]).values()
    assert suite.releases == ("bookworm", "trixie")
    assert suite.verify == (folder / "tests/kitchen/test_web_shop.py",)
    found = outcome_of_tests(folder, "--collect-only", str(suite.verify[0]))
    assert found.startswith("3 tests collected")


@pytest.mark.slow
def test_a_new_type_passes_its_tests(asks: Any, tmp_path: Path) -> None:
    status, out, errors = asks("new", "resource", "motd_line")
    assert (status, errors) == (0, "")
    assert "cook-motd-line/cook_motd_line/motd_line.py" in out
    folder = tmp_path / "cook-motd-line"
    install(folder)
    assert re.match(r"4 passed in ", outcome_of_tests(folder))


def install(folder: Path) -> None:
    """Do what `pip install -e` does for the package: let Python find its entry points."""
    parser = configparser.ConfigParser()
    parser.read(folder / "setup.cfg")
    (info := folder / "cook_motd_line-0.1.0.dist-info").mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: cook-motd-line\nVersion: 0.1.0\n")
    points = parser["options.entry_points"]["cookbook"].strip()
    (info / "entry_points.txt").write_text(f"[cookbook]\n{points}\n")


@pytest.mark.slow
def test_a_new_type_is_formatted_and_typed(asks: Any, tmp_path: Path) -> None:
    asks("new", "resource", "motd_line")
    words = ["mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), "cook_motd_line"]
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=tmp_path / "cook-motd-line",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.startswith("Success"), done.stdout
    for words in (["format", "--check"], ["check", "--select", "E,F,W"]):
        ruff = ["ruff", *words, "--isolated", "--line-length", "100", "."]
        subprocess.run([sys.executable, "-m", *ruff], cwd=tmp_path / "cook-motd-line", check=True)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Web-Shop", "e.g. web_shop"),
        ("json", "the name of another module"),
        ("cookbook", "the name of another module"),
        ("../x", "cannot be the name"),
        ("", "cannot be the name"),
    ],
)
def test_names_that_cannot_be(asks: Any, tmp_path: Path, name: str, said: str) -> None:
    for words in (["init"], ["new", "resource"]):
        status, _, errors = asks(*words, name)
        assert status == 1
        assert said in errors
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_over(asks: Any, tmp_path: Path) -> None:
    Path("web").mkdir()
    Path("web/hosts.yml").write_text("mine")
    status, _, errors = asks("init", "web")
    assert status == 1
    assert "web/hosts.yml exists already" in errors
    assert [path.name for path in Path("web").iterdir()] == ["hosts.yml"]
    assert asks("init", "web", "--folder", ".")[0] == 0
    assert (tmp_path / "web.py").is_file()
