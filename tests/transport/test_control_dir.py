"""The folder for the sockets of ssh(1): of a run that lives it is left alone, others clear it."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from pathlib import Path

import pytest

from cookbook.transport.openssh import control_dir


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(control_dir, "_place", lambda: tmp_path)
    control_dir._folder.cache_clear()
    yield tmp_path
    control_dir._folder.cache_clear()


def test_one_that_is_just_being_made_is_left_alone(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another run looks at it at the very moment when its lock is to be taken."""
    flock, seen = fcntl.flock, list[Path]()

    def look_first(file: int, kind: int) -> None:
        if kind == fcntl.LOCK_EX:
            seen.extend(place.iterdir())
            control_dir._clear(seen[-1])
        flock(file, kind)

    monkeypatch.setattr(fcntl, "flock", look_first)
    folder = control_dir._folder()
    control_dir._clear(folder)

    assert seen == [folder]
    assert folder.is_dir()


def test_that_of_a_run_that_has_ended_is_cleared(place: Path) -> None:
    left = place / f"{control_dir._NAME}left"
    left.mkdir()
    (left / control_dir._LOCK).touch()

    assert control_dir._folder().is_dir()
    assert not left.exists()
