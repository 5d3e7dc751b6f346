"""A base is what its recipe says, whole or not there at all."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from cookbook.errors import KitchenError
from cookbook.kitchen import tools
from cookbook.kitchen.base import Recipe, _prune, cache, ensure

RECIPE = Recipe()


@pytest.fixture
def mmdebstrap(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A stand-in: notes down each call, makes the folder it is told to, as $mmdebstrap says."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setattr(tools, "SEARCH", f"{folder}:{tools.SEARCH}")
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    program = folder / "mmdebstrap"
    program.write_text(
        "#!/bin/sh\n"
        'for word; do case $word in /*) target=$word; esac; done; echo "$target" >>"$CALLS"\n'
        'mkdir "$target" && sleep 0.1 && touch "$target/bin" && echo building && exit ${STATUS-0}\n'
    )
    program.chmod(0o755)
    return tmp_path / "calls"


def test_another_recipe_is_another_base() -> None:
    others = [
        replace(RECIPE, packages=(*RECIPE.packages, "curl")),
        replace(RECIPE, hooks=()),
        replace(RECIPE, week="2026-W01"),
        replace(RECIPE, sources=("deb http://mirror.example/debian bookworm main",)),
    ]
    assert len({recipe.name for recipe in (RECIPE, Recipe(), *others)}) == 5


def test_a_host_needs_no_python() -> None:
    assert not [package for package in RECIPE.packages if "python" in package]


def test_a_base_is_built_once(mmdebstrap: Path, tmp_path: Path) -> None:
    built = ensure(RECIPE, tmp_path / "cache")
    assert (built / "bin").exists()
    assert ensure(RECIPE, tmp_path / "cache") == built
    assert len(mmdebstrap.read_text().splitlines()) == 1


def test_two_at_once_build_one(mmdebstrap: Path, tmp_path: Path) -> None:
    def build() -> None:
        ensure(RECIPE, tmp_path / "cache")

    threads = [threading.Thread(target=build) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(mmdebstrap.read_text().splitlines()) == 1


@pytest.mark.usefixtures("mmdebstrap")
def test_a_failed_build_leaves_its_log_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("STATUS", "1")
    with pytest.raises(KitchenError, match="building"):
        ensure(RECIPE, tmp_path / "cache")
    left = sorted(path.name for path in (tmp_path / "cache").iterdir())
    assert left == [".lock", f"{RECIPE.name}.log"]


def test_what_an_interrupted_build_left_is_no_base(mmdebstrap: Path, tmp_path: Path) -> None:
    partial = tmp_path / "cache" / f"{RECIPE.name}.partial"
    (partial / "half").mkdir(parents=True)
    built = ensure(RECIPE, tmp_path / "cache")
    assert [path.name for path in built.iterdir()] == ["bin"]
    assert mmdebstrap.read_text().splitlines() == [str(partial)]


def test_old_bases_are_deleted_unless_a_host_stands_on_them(tmp_path: Path) -> None:
    old, used, young = (tmp_path / f"debian-{name}" for name in ("old", "used", "young"))
    for path in (old, used, young):
        path.mkdir()
    for path in (old, used):
        os.utime(path, (0, 0))
    mounts = tmp_path / "mounts"
    mounts.write_text(f"overlay /h1/root overlay rw,lowerdir={used},upperdir=/h1/upper 0 0\n")
    _prune(tmp_path, mounts)
    assert [path.exists() for path in (old, used, young)] == [False, True, True]


def test_the_cache_is_where_the_user_keeps_caches(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache() == tmp_path / "cook"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert cache() == tmp_path / ".cache/cook"
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert cache() == Path("/var/cache/cook")
