"""What the tests of `cook rollout` share: three hosts in two groups, and the command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cookbook.cli import main
from cookbook.rollout.journal import Journal

HOSTS = """\
defaults: {{transport: local, vars: {{version: 1}}}}
hosts:
  h1: {{vars: {{dir: {here}/h1}}}}
  h2: {{vars: {{dir: {here}/h2}}}}
  h3: {{vars: {{dir: {here}/h3}}}}
groups:
  db: {{hosts: [h1], recipes: [r.py]}}
  web: {{hosts: [h2, h3], recipes: [r.py]}}
"""
RECIPE = """\
from cookbook.recipe import node
from cookbook.resources import directory, file
directory(node.vars["dir"])
file(f"{node.vars['dir']}/version", content=str(node.vars["version"]))
"""
ROLLOUT = """\
groups:
  web:
    after: db
    canary: 1
    health_check: {command: 'test ! -e {vars[dir]}/bad'}
    drain: {hook: [sh, -c, 'echo "$COOK_DO $COOK_HOST" >>log']}
    enable: {hook: [sh, -c, 'echo "$COOK_DO $COOK_HOST" >>log']}
  db:
"""


def cook(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    status = main(["rollout", *words])
    said = capsys.readouterr()
    return status, said.out, said.err


def start(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    status, _, err = cook(capsys, "start", "--hosts", "hosts.yml", "--yes", *words)
    told = json.loads(cook(capsys, "status", "last", "--output", "json")[1])
    return status, {**told, "err": err}


def unfolded(text: str) -> str:
    """Return text on one line: long lines of a rollout are folded."""
    return " ".join(text.split())


def versions(folder: Path) -> list[str | None]:
    paths = [folder / f"h{i}/version" for i in (1, 2, 3)]
    return [path.read_text() if path.exists() else None for path in paths]


def log(folder: Path) -> list[str]:
    path = folder / "log"
    lines = path.read_text().splitlines() if path.exists() else []
    path.unlink(missing_ok=True)
    return lines


def cut(name: str, event: str) -> None:
    """Cut the journal of a rollout after the first of these events."""
    path = Journal.open(name).folder / "journal.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    place = next(number for number, line in enumerate(lines) if f'"event":"{event}"' in line)
    path.write_text("".join(lines[: place + 1]))
