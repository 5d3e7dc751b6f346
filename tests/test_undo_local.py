"""Undo on this machine: what somebody has changed by hand since is never written over."""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cookbook.cli import main

HEADING = "from cookbook.resources import *\nfrom cookbook.recipe import *\n"
COOK = [sys.executable, "-m", "cookbook.cli"]

Cook = Callable[..., dict[str, Any]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place of its own, with a history and a stash of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COOK_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("COOK_HOME", str(tmp_path / "home"))
    Path("d").mkdir()
    return tmp_path


@pytest.fixture
def cook(folder: Path, capsys: pytest.CaptureFixture[str]) -> Cook:
    """The command on this machine; its document, and its status."""

    def run(*words: str, recipe: str | None = None) -> dict[str, Any]:
        if recipe is not None:
            Path("r.py").write_text(f"{HEADING}D = '{folder}/d'\n{recipe}")
            words = (*words, "r.py")
        status = main([*words, "--local", "--output", "json"])
        said = capsys.readouterr()
        document: dict[str, Any] = json.loads(said.out) if said.out else {}
        return document | {"status": status, "stderr": said.err}

    return run


def resources(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    [host] = document["hosts"].values()
    return {resource["id"].rpartition("/")[2][:-1]: resource for resource in host["resources"]}


def look(path: Path) -> tuple[object, ...]:
    """What a path is, all but its times."""
    try:
        status = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return ("nothing",)
    if path.is_symlink():
        return "link", str(path.readlink())
    if path.is_dir():
        return "folder", stat.S_IMODE(status.st_mode)
    return "file", stat.S_IMODE(status.st_mode), path.read_bytes()


def tree() -> dict[str, tuple[object, ...]]:
    return {str(path): look(path) for path in [Path("d"), *sorted(Path("d").rglob("*"))]}


RECIPE = """
file(f"{D}/new", content="new\\n", mode="0640")
file(f"{D}/old", content="changed\\n")
file(f"{D}/mode", mode="0600")
file(f"{D}/gone", action="delete")
directory(f"{D}/folder", mode="0750")
file(f"{D}/folder/inner", content="inner\\n")
link(f"{D}/link", to="new")
link(f"{D}/led", to="new")
directory(f"{D}/tree", action="delete", recursive=True)
"""


def prepare() -> None:
    Path("d/old").write_text("old\n")
    Path("d/mode").write_text("mode\n")
    Path("d/gone").write_text("gone\n")
    Path("d/led").symlink_to("old")
    Path("d/tree/sub").mkdir(parents=True)
    Path("d/tree/sub/x").write_text("x\n")


def test_undone_and_redone(cook: Cook) -> None:
    prepare()
    before = tree()
    assert cook("converge", recipe=RECIPE)["status"] == 0
    after = tree()
    assert cook("undo", "last", "--yes")["status"] == 0
    assert tree() == before
    assert cook("undo", "last", "--yes")["status"] == 0
    assert tree() == after


def test_what_was_changed_by_hand_is_named_and_partial_undoes_the_rest(cook: Cook) -> None:
    prepare()
    cook("converge", recipe=RECIPE)
    Path("d/old").write_text("by hand\n")
    edited = tree()
    refused = cook("undo", "last", "--yes")
    assert refused["status"] == 3
    error = resources(refused)["old"]["error"]
    assert "not as the run left it" in error["message"]
    assert "expected" in error["message"]
    assert "found" in error["message"]
    assert tree() == edited
    partial = cook("undo", "last", "--yes", "--partial")
    assert partial["status"] == 0, partial
    assert resources(partial)["old"]["status"] == "skipped"
    assert Path("d/old").read_text() == "by hand\n"
    assert not Path("d/new").exists()
    assert Path("d/gone").read_text() == "gone\n"


NAMES = ["new", "old", "mode", "gone", "folder", "folder/inner", "link", "led", "tree", "tree/sub"]
NAMES += ["tree/sub/x", "folder/foreign", "other"]
EDITS = ["write", "chmod", "delete", "folder", "link", "append"]


def edit(path: Path, how: str) -> bool:
    """Something that a person does to a path; False where it cannot be done."""
    if not path.parent.is_dir():
        return False
    there, folder = os.path.lexists(path), path.is_dir() and not path.is_symlink()
    match how:
        case "chmod" if there and not path.is_symlink():
            path.chmod(0o705)
        case "append" if there and not folder:
            if path.is_symlink():
                return False
            path.write_bytes(path.read_bytes() + b"by hand\n")
        case "delete" if there:
            shutil.rmtree(path) if folder else path.unlink()
        case "write" | "folder" | "link":
            if there:
                shutil.rmtree(path) if folder else path.unlink()
            if how == "write":
                path.write_text("by hand\n")
            elif how == "folder":
                path.mkdir()
            else:
                path.symlink_to("/by/hand")
        case _:
            return False
    return True


@pytest.fixture
def converged(cook: Cook, folder: Path) -> Callable[..., None]:
    """Brings everything back to where it was after a converge; a saved plan waits, too."""
    prepare()
    assert cook("plan", "-o", "p.cook", recipe=RECIPE)["status"] == 2
    shutil.copytree("d", "before", symlinks=True)
    assert cook("converge", recipe=RECIPE)["status"] == 0
    for name in ("d", "home", "state"):
        shutil.copytree(folder / name, folder / f"kept-{name}", symlinks=True)

    def restore(name: str = "kept-d") -> None:
        for one, source in (("d", name), ("home", "kept-home"), ("state", "kept-state")):
            shutil.rmtree(one)
            shutil.copytree(source, one, symlinks=True)

    return restore


edits = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(EDITS)), min_size=1, max_size=3)


def by_hand(chosen: list[tuple[str, str]]) -> dict[Path, tuple[object, ...]]:
    """Do it; what is there afterwards of all that was touched."""
    untouched = tree()
    for name, how in chosen:
        edit(Path("d", name), how)
    paths = {Path("d", name) for name in NAMES}
    return {p: now for p in paths if (now := look(p)) != untouched.get(str(p), ("nothing",))}


def kept(path: Path, edited: tuple[object, ...], before: tuple[object, ...]) -> bool:
    """Whether what a person has changed of a path is still as changed."""
    now = look(path)
    if now == edited:
        return True
    if now[0] != edited[0] or len(now) != len(edited) or before[0] != edited[0]:
        return False
    return all(a == b for a, b, old in zip(now, edited, before, strict=True) if b != old)


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(chosen=edits, partial=st.booleans())
def test_an_undo_never_writes_over_what_a_hand_has_written(
    cook: Cook,
    converged: Callable[..., None],
    chosen: list[tuple[str, str]],
    partial: bool,  # noqa: FBT001 - hypothesis gives it by name
) -> None:
    converged()
    left = {Path("d", name): look(Path("d", name)) for name in NAMES}
    touched = by_hand(chosen)
    edited = tree()
    undone = cook("undo", "last", "--yes", *(["--partial"] if partial else []))
    changed = {r["id"] for h in undone["hosts"].values() for r in h["resources"]} if touched else {}
    for path, state in touched.items():
        assert kept(path, state, left[path]), (path, state, look(path), undone)
    if undone["status"] != 0 and not any(
        r["status"] == "changed" for r in resources(undone).values()
    ):
        assert tree() == edited, changed


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(chosen=edits)
def test_an_apply_never_writes_over_what_a_hand_has_written(
    cook: Cook, converged: Any, chosen: list[tuple[str, str]]
) -> None:
    converged("before")
    was = {Path("d", name): look(Path("d", name)) for name in NAMES}
    touched = by_hand(chosen)
    edited = tree()
    applied = cook("apply", "p.cook")
    for path, state in touched.items():
        assert kept(path, state, was[path]), (path, state, look(path), applied)
    if applied["status"] != 0 and not any(
        r["status"] == "changed" for r in resources(applied).values()
    ):
        assert tree() == edited
