"""Sources of hosts for tests: programs, and the inventory that names them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import cookbook.plugins.manager
from cookbook.inventory import Inventory, load

assert cookbook.plugins.manager.registrations("cookbook_sources")

Program = Callable[..., Path]
Sourced = Callable[..., Inventory]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a private state of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COOK_STATE", str(tmp_path / "state"))
    return tmp_path


@pytest.fixture
def program(folder: Path) -> Program:
    """Writes an executable: a shell script, or one that prints a document."""

    def write(script: str | None = None, document: Any = None, name: str = "inv") -> Path:
        path = folder / name
        if script is None:
            (folder / f"{name}.json").write_text(json.dumps(document))
            script = f'for last; do :; done; [ "$last" = --list ] && cat {name}.json'
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    return write


@pytest.fixture
def sourced(folder: Path) -> Sourced:
    """Loads an inventory with these sources."""

    def read(sources: str, more: str = "", **how: Any) -> Inventory:
        (folder / "hosts.yml").write_text(f"{more}\nsources:\n{sources}\n")
        return load(Path("hosts.yml"), **how)

    return read
