"""The undo of a deletion that failed or was taken back: it restores all, or is no success."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cookbook.cli import main

HEADING = "from cookbook.resources import *\n"

RM = {
    # Some of it is gone when rm(1) fails.
    "half": '[ "$3" != {d} ] || {{ {rm} -rf {d}/sub; echo "rm: failed" >&2; exit 1; }}\n',
    # Whoever took the deletion back has made the folder anew, and nothing in it.
    "empty": '[ "$3" != {d} ] || {{ {rm} -rf {d}; mkdir -m 750 {d}; exit 1; }}\n',
    # All of it is gone, and rm(1) has failed nevertheless.
    "gone": '[ "$3" != {d} ] || {{ {rm} -rf {d}; exit 1; }}\n',
}

Cook = Callable[..., tuple[int, dict[str, Any], str]]


@pytest.fixture
def cook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Cook:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COOK_STATE", str(tmp_path / "state"))

    def run(*words: str) -> tuple[int, dict[str, Any], str]:
        capsys.readouterr()
        status = main([*words, "--local", "--output", "json"])
        said = capsys.readouterr()
        resources: dict[str, Any] = {}
        for text in said.out.replace("}\n{", "}\0{").split("\0"):
            [host] = json.loads(text)["hosts"].values() if text else [{"resources": []}]
            resources = {one["id"]: one for one in host["resources"]}
        return status, resources, said.err

    return run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with something in it, and a recipe that deletes it."""
    folder = tmp_path / "gone"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub/key").write_text("secret of ann\n")
    (folder / "a").write_text("a\n")
    folder.chmod(0o750)
    recipe = f"{HEADING}directory({str(folder)!r}, action='delete', recursive=True)\n"
    (tmp_path / "r.py").write_text(recipe)
    return folder


def _failing(tool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Have a tool do something else, for all that the shell of a run starts."""
    real = shutil.which(tool)
    place = tmp_path / "bin"
    place.mkdir(exist_ok=True)
    filled = text.format(d=tmp_path / "gone", rm=real)
    (place / tool).write_text(f'#!/bin/sh\n{filled}exec {real} "$@"\n')
    (place / tool).chmod(0o755)
    monkeypatch.setenv("PATH", f"{place}:/usr/bin:/bin")


def content(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("how", RM)
def test_what_a_failed_deletion_has_destroyed_comes_back(
    cook: Cook, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    before = content(folder)
    with monkeypatch.context() as broken:
        _failing("rm", tmp_path, broken, RM[how])
        status, told, _ = cook("converge", "r.py")
    assert status == 3
    assert told[f"directory[{folder}]"]["status"] == "failed"
    assert content(folder) != before

    status, told, _ = cook("undo", "last", "--yes")

    assert status == 0
    assert told[f"directory[{folder}]"]["status"] == "changed"
    assert content(folder) == before
    assert folder.stat().st_mode & 0o777 == 0o750


@pytest.mark.parametrize("how", RM)
def test_an_undo_that_cannot_restore_says_so_and_is_no_success(
    cook: Cook,
    folder: Path,
    *,
    cook_home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
) -> None:
    with monkeypatch.context() as broken:
        _failing("rm", tmp_path, broken, RM[how])
        cook("converge", "r.py")
    left = content(folder)
    shutil.rmtree(cook_home / "stash")

    status, told, errors = cook("undo", "last", "--yes")

    one = told[f"directory[{folder}]"]
    assert (status, one["status"]) == (3, "failed")
    assert "what was in it is not in the stash of the host" in one["error"]["message"]
    assert content(folder) == left

    status, told, errors = cook("undo", "last", "--yes", "--partial")
    one = told[f"directory[{folder}]"]
    assert (status, one["status"]) == (3, "skipped")
    assert "what was in it is not in the stash of the host" in one["lost"]
    assert "what that run destroyed exists no more" in errors


def test_an_undo_that_fails_half_way_is_no_success(
    cook: Cook, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cook("converge", "r.py")[0] == 0
    assert not folder.exists()
    with monkeypatch.context() as broken:
        _failing("tar", tmp_path, broken, 'case $* in *-x*) echo "no room" >&2; exit 2 ;; esac\n')
        status, told, _ = cook("undo", "last", "--yes")
    assert status == 3
    assert told[f"directory[{folder}]"]["status"] == "failed"
    assert "no room" in told[f"directory[{folder}]"]["error"]["output"]
