"""Faults, made on real hosts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cookbook.kitchen import Kitchen, KitchenHost
from tests.faults.running import Start
from tests.hosts.conftest import (
    Converge,
    Cook,
    converge,
    cook,
    inventory_of,
    plan,
    shell,
    target,
)

__all__ = ["Converge", "Cook", "converge", "cook", "plan", "shell", "target"]

ROOT = Path(__file__).parents[2]
HEADING = "from cookbook.resources import *\nfrom cookbook.recipe import *\n"


@pytest.fixture
def start(
    kitchen: Kitchen, transport: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Start:
    """Begin a run of a recipe's text on a host, as admin with sudo, in a process of its own."""
    monkeypatch.setenv("COOK_STATE", str(tmp_path / "state"))
    monkeypatch.delenv("COOK_HOME")

    def run(
        host: KitchenHost,
        recipe: str,
        *words: str,
        command: str = "converge",
        hosts: Path | None = None,
    ) -> subprocess.Popen[str]:
        path = tmp_path / f"{len(list(tmp_path.glob('*.py')))}.py"
        path.write_text(HEADING + recipe)
        where = ["--hosts", str(hosts or inventory_of(kitchen, transport))]
        where += [] if hosts else ["--limit", host.name]
        cook = [sys.executable, "-m", "cookbook.cli", command, str(path), "--output", "json"]
        named = ["--as", "test"] if command == "converge" else []
        return subprocess.Popen(
            [*cook, *where, *named, *words],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return run
