"""Words and inventories of others arrive by the same hooks as ours."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PLUGIN = """
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from cookbook.plugin import hookimpl
from cookbook.inventory import from_data
from cookbook.provider import Change, Probe, Provider, provides
from cookbook.recipe import recipe_function
from cookbook.provider import Resource
from cookbook.provider import Command, sh


class Note(Resource):
    text: str = ""
    action: Literal["write", "nothing"] = "write"


@dataclass(frozen=True)
class State:
    text: str


@provides(Note)
class NoteProvider(Provider[Note, State]):
    def probe(self, note: Note) -> Probe:
        return Probe(sh("test -e {} || exit 4; cat {}", note.name, note.name), absent=4)

    def parse(self, note: Note, text: str) -> State:
        return State(text)

    def plan(self, note: Note, found: State | None) -> Change[State]:
        return Change(found, State(note.text))

    def commands(self, name: str, change: Change[State]) -> Iterable[Command]:
        if change.wanted is not None:
            yield sh("printf %s {} > {}", change.wanted.text, name)


note = recipe_function(Note)


@hookimpl
def cookbook_inventory(path):
    if path.suffix == ".csv":
        names = path.read_text().split(",")
        return from_data({"defaults": {"transport": "local"}, "hosts": names}, "csv")


@hookimpl
def cookbook_host(report):
    print("heard of", report.name)
"""


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A distribution with a plugin, as pip would leave it."""
    (tmp_path / "notes.py").write_text(PLUGIN)
    info = tmp_path / "notes-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: notes\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[cookbook]\nnotes = notes\n")
    (tmp_path / "fleet.csv").write_text("one,two")
    (tmp_path / "r.py").write_text(
        "from notes import note\nfrom cookbook.recipe import node\n"
        f"note(f'{tmp_path}/{{node.name}}', text='hello')\n"
    )
    return tmp_path


def cook(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(folder), str(Path(__file__).parents[2])])
    return subprocess.run(
        [sys.executable, "-m", "cookbook.cli", *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": path},
    )


def test_a_plugin_brings_words_an_inventory_and_ears(installed: Path) -> None:
    for name in ("one", "two"):  # both are this machine, which is converged once at a time
        done = cook(installed, "converge", "r.py", "--hosts", "fleet.csv", "--limit", name)

        assert done.returncode == 0, done.stderr
        assert (installed / name).read_text() == "hello"
        assert f"heard of {name}" in done.stdout
    assert cook(installed, "plan", "r.py", "--hosts", "fleet.csv").returncode == 0


def test_a_plugin_that_cannot_be_loaded_is_named(installed: Path) -> None:
    (installed / "notes.py").write_text("import no_such_module\n")

    done = cook(installed, "plan", "r.py", "--hosts", "fleet.csv")

    assert done.returncode == 1
    assert "cook: a plugin cannot be loaded: ModuleNotFoundError" in done.stderr


def test_a_hook_that_there_is_not_is_named(installed: Path) -> None:
    with (installed / "notes.py").open("a") as file:
        file.write("\n@hookimpl\ndef cookbook_hots(report): ...\n")

    done = cook(installed, "plan", "r.py", "--hosts", "fleet.csv")

    assert done.returncode == 1
    assert "cookbook_hots" in done.stderr
