"""Faults, made on real hosts."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path
from typing import Any

import pytest

from cookbook.kitchen import Kitchen, KitchenHost
from tests.faults.running import Ran, Run, Start, Told, Words
from tests.on_hosts.conftest import (
    Converge,
    Cook,
    converge,
    cook,
    inventory_of,
    plan,
    shell,
    target,
)
from tests.on_hosts.conftest import command as in_process

__all__ = ["Converge", "Cook", "converge", "cook", "plan", "shell", "target"]

HEADING = "from cookbook.resources import *\nfrom cookbook.recipe import *\n"


@pytest.fixture
def words(
    kitchen: Kitchen, transport: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Words:
    """The words after `cook` for a run of a recipe's text on a host, as admin with sudo."""
    monkeypatch.setenv("COOK_STATE", str(tmp_path / "state"))
    monkeypatch.delenv("COOK_HOME")

    def make(
        host: KitchenHost,
        recipe: str,
        *words: str,
        command: str = "converge",
        hosts: Path | None = None,
    ) -> list[str]:
        path = tmp_path / f"{len(list(tmp_path.glob('*.py')))}.py"
        path.write_text(HEADING + recipe)
        where = ["--hosts", str(hosts or inventory_of(kitchen, transport))]
        where += [] if hosts else ["--limit", host.name]
        named = ["--as", "test"] if command == "converge" else []
        return [command, str(path), "--output", "json", *where, *named, *words]

    return make


@pytest.fixture
def start(words: Words, tmp_path: Path) -> Start:
    """Begin a run in a process of its own: one that is cut off, killed or left alone."""

    def begin(host: KitchenHost, recipe: str, *more: str, **options: Any) -> Run:
        command = [sys.executable, "-m", "cookbook.cli", *words(host, recipe, *more, **options)]
        return Run(command, tmp_path / f"said-{next(numbers)}")

    numbers = itertools.count()
    return begin


@pytest.fixture
def ran(words: Words) -> Ran:
    """A whole run, in this process; what it said."""

    def run(host: KitchenHost, recipe: str, *more: str, **options: Any) -> Told:
        document = in_process(*words(host, recipe, *more, **options))
        status, errors = document.pop("status"), document.pop("stderr")
        assert document, errors
        return Told(status, document, errors)

    return run
