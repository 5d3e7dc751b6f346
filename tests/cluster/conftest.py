"""A run in parts, for tests: six hosts that are all this machine, and the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cookbook.cli import main


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with the state of cook in it, and a folder `out` for recipes to write."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COOK_STATE", str(tmp_path / "state"))
    (tmp_path / "out").mkdir()
    return tmp_path


def cook(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any], str]:
    """Run cook; return its status, its document and its messages."""
    status = main([*words, "--output", "json"])
    said = capsys.readouterr()
    return status, json.loads(said.out) if said.out else {}, said.err
