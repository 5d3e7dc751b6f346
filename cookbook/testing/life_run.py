"""
The runner of lives: all resource types together, on one host, through all that can happen.

Plan (the host stays untouched), converge, converge again (no change, at most two exchanges), drift
(the plan shows exactly that), converge, undo (as before), redo, then what a later recipe
declares with its undo and redo, and removal. Raw commands judge the host after each step.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cookbook.testing.host_state import LifeHost, difference, manifest, state
from cookbook.testing.life import IDENTITY, Life, Resources
from cookbook.testing.life_packages import prepare_packages

HEADING = """\
from cookbook.language.recipe import recipe_function
from cookbook.plugins.registry import resource_type
"""

RunDocument = Mapping[str, Any]

CookCommand = Callable[[Sequence[str], Path], tuple[int, str, str]]
"""Runs cook with these arguments in a folder: its exit status, its output, its messages."""


def in_a_process(words: Sequence[str], folder: Path) -> tuple[int, str, str]:
    """Run cook in a process of its own (see CookCommand)."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "cookbook.cli", *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )
    return done.returncode, done.stdout, done.stderr


def check_lives(
    lives: Sequence[Life],
    host: LifeHost,
    hosts_yml: Path,
    folder: Path,
    cook: CookCommand = in_a_process,
    *,
    name: str = "life",
    brief: bool = False,
) -> None:
    """
    Take lives through all stages on `host`, which `hosts_yml` leads to.

    The host must be a disposable Debian host. `folder` is empty; recipes and the history are
    written there. `cook` runs the command: each time in a process of its own, unless a caller
    has a faster way. `name` is that of the set of recipes in the manifest of the host. With `brief`
    the redo, and the undo of what is declared later, are left out, for a further release of Debian.

    Raises AssertionError with the stage, and all that is wrong in it.
    """
    run = _Run(lives, host, hosts_yml, folder, cook, name)
    run.prepare()
    run.declared()
    run.drifted()
    run.undone(redo=not brief)
    if any(life.later for life in lives):
        run.later(undo=not brief)
    run.removed()


def prepare_lives(lives: Sequence[Life], host: LifeHost, folder: Path) -> None:
    """
    Prepare a host for these lives; write `declare.py`, `later.py` and `remove.py` into the folder.

    Raises AssertionError if a command fails.
    """
    for life in lives:
        for name, text in life.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    prepare_packages(lives, host)
    _run_all(host, "prepare", ((life.type, f"set -e\n{life.prepare}") for life in lives))
    _write_recipe(folder / "declare.py", (life.declare for life in lives))
    _write_recipe(folder / "later.py", ({**life.declare, **life.later} for life in lives))
    _write_recipe(folder / "remove.py", (life.remove for life in lives))


def _write_recipe(path: Path, resources: Iterable[Resources]) -> None:
    declared = {i: properties for some in resources for i, properties in some.items()}
    lines = [_line(identity, properties) for identity, properties in declared.items()]
    path.write_text("\n".join([HEADING, *lines, ""]))


def _run_all(host: LifeHost, stage: str, commands: Iterable[tuple[str, str]]) -> None:
    """Run all commands on the host; raise AssertionError if one of them fails."""
    faults = []
    for name, command in commands:
        done = host.run(command)
        if done.returncode != 0:
            said = (done.stderr or done.stdout).strip()
            faults.append(f"{name}: `{command.strip()}` ended with {done.returncode}: {said}")
    _none(stage, faults)


@dataclass
class _Run:
    """One host, and the recipes that are run on it."""

    lives: Sequence[Life]
    host: LifeHost
    hosts_yml: Path
    folder: Path
    cook: CookCommand
    name: str
    before: list[str] = field(default_factory=list)
    full: list[str] = field(default_factory=list)
    first: str = ""

    def prepare(self) -> None:
        prepare_lives(self.lives, self.host, self.folder)
        self.before = state(self.host)

    def declared(self) -> None:
        seen = manifest(self.host)
        planned = self._cook("plan", "declare", status=2)
        _none("plan: the host was changed", difference(seen, manifest(self.host)))
        done = self._cook("converge", "declare")
        self.first = done["run"]
        _equal("converge: not what the plan said", self._changed(planned), self._changed(done))
        self._all("judge", ((life.type, c) for life in self.lives for c in life.judge))
        seen = manifest(self.host)
        again = self._cook("converge", "declare")
        _none("converge again: changed", self._changed(again))
        _equal("converge again: at most two exchanges", True, self._told(again)["exchanges"] <= 2)
        _none("converge again: the host was changed", difference(seen, manifest(self.host)))

    def drifted(self) -> None:
        self._all(
            "drift", ((n, f"set -e\n{c}") for life in self.lives for n, c in life.drift.items())
        )
        expected = sorted(name for life in self.lives for name in life.drift)
        planned = self._cook("plan", "declare", status=2)
        _equal("drift: what the plan shows", expected, sorted(self._changed(planned)))
        done = self._cook("converge", "declare")
        _equal("drift: what was repaired", expected, sorted(self._changed(done)))
        self._all("judge", ((life.type, c) for life in self.lives for c in life.judge))
        self.full = state(self.host)

    def undone(self, *, redo: bool) -> None:
        undone = self._undo(self.first, self.full, self.before, "undo")
        if redo:
            self._undo("last", undone, self.full, "redo")
            _none("redo: changed", self._changed(self._cook("converge", "declare")))
        else:
            self._cook("converge", "declare")

    def later(self, *, undo: bool) -> None:
        self._cook("converge", "later")
        self._all("later", ((life.type, c) for life in self.lives for c in life.later_judge))
        if undo:
            after = state(self.host)
            undone = self._undo("last", after, self.full, "undo of later")
            self._undo("last", undone, after, "redo of later")
        _none("later again: changed", self._changed(self._cook("converge", "later")))

    def removed(self) -> None:
        self._cook("converge", "remove", "--prune")
        self._all("gone", ((life.type, c) for life in self.lives for c in life.gone))
        again = self._cook("converge", "remove", "--prune")
        _none("removal again: changed", self._changed(again))
        orphans = [r for r in self._told(again)["resources"] if r["status"] == "orphaned"]
        _none("removal: left", [r["id"] for r in orphans if r["orphan"] == "created"])

    def _undo(
        self, run: str, seen: Sequence[str], expected: Sequence[str], stage: str
    ) -> list[str]:
        """
        Look at the undo, which changes nothing; then undo, and compare the host.

        `seen` is the state of the host before, `expected` the one after. Return the one after.
        """
        looked = self._cook("undo", run, "--partial", status=2)
        _none(f"{stage}: looking changed the host", difference([*seen], state(self.host)))
        known = {name: why for life in self.lives for name, why in life.lost.items()}
        lost = {r["id"]: r["lost"] for r in self._told(looked)["resources"] if r["lost"]}
        _none(f"{stage}: lost", [f"{n}: {why}" for n, why in lost.items() if known.get(n) != why])
        self._cook("undo", run, "--yes", "--partial")
        after = state(self.host)
        _none(f"{stage}: not as before", difference([*expected], after))
        return after

    def _cook(self, command: str, what: str, *words: str, status: int = 0) -> RunDocument:
        """Run cook; return its document."""
        recipe = [] if command == "undo" else [f"{what}.py"]
        named = ["--as", self.name] if command == "converge" else []
        target = [what] if command == "undo" else recipe
        options = ["--hosts", str(self.hosts_yml), "--limit", self.host.name, "--output", "json"]
        ended, said, messages = self.cook([command, *target, *named, *words, *options], self.folder)
        document = json.loads(said) if said else {}
        if ended != status:
            raise AssertionError(
                f"cook {command} {what} ended with {ended}, not {status}:\n"
                + "\n".join([*_errors(document), messages])
            )
        found: RunDocument = document
        return found

    def _told(self, document: RunDocument) -> RunDocument:
        told: RunDocument = document["hosts"][self.host.name]
        return told

    def _changed(self, document: RunDocument) -> list[str]:
        """Return resources that are not ok; orphans that cook did not create stay and count not."""
        told = self._told(document)["resources"]
        return [r["id"] for r in told if r["status"] not in ("ok", "orphaned")]

    def _all(self, stage: str, commands: Iterable[tuple[str, str]]) -> None:
        _run_all(self.host, stage, commands)


def _line(identity: str, properties: Mapping[str, Any]) -> str:
    """Return the line of a recipe that declares a resource."""
    found = IDENTITY.fullmatch(identity)
    kind, name = found.groups() if found else ("", "")
    given = "".join(f", {key}={value!r}" for key, value in properties.items())
    return f"recipe_function(resource_type({kind!r}))({name!r}{given})"


def _errors(document: RunDocument) -> Iterator[str]:
    for host in document.get("hosts", {}).values():
        yield str(host["error"])
        yield from (f"{r['id']}: {r['error']}" for r in host["resources"] if r["error"])


def _none(stage: str, faults: Sequence[str]) -> None:
    if faults:
        raise AssertionError("\n".join([f"{stage}:", *faults]))


def _equal(stage: str, expected: object, found: object) -> None:
    if expected == found:
        return
    if isinstance(expected, list) and isinstance(found, list):
        missing = [one for one in expected if one not in found]
        more = [one for one in found if one not in expected]
        if missing or more:
            raise AssertionError(f"{stage}: missing {missing}, not expected {more}")
    raise AssertionError(f"{stage}: expected {expected}, found {found}")
