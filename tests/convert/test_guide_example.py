"""The example of docs/guide/moving-over.md: what it shows is what comes out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from cookbook.cli import main
from tests.convert.test_hostile_sources import write

GUIDE = Path(__file__).parents[2] / "docs/guide/moving-over.md"
HANDLER = "- name: reload nginx\n  service: {name: nginx, state: reloaded}\n"


def test_the_guide_shows_what_comes_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    blocks = dict(re.findall(r"```(console|yaml|python)\n(.*?)```", GUIDE.read_text(), re.DOTALL))
    files = {
        "tasks/main.yml": blocks["yaml"],
        "handlers/main.yml": HANDLER,
        "defaults/main.yml": "nginx_manage: true\nnginx_port: 80\n",
    }
    write(tmp_path / "roles/nginx", files)
    monkeypatch.chdir(tmp_path)
    command, _, said = blocks["console"].partition("\n")
    assert main(command.removeprefix("$ cook ").split()) == 0
    assert capsys.readouterr().out == said
    assert Path("nginx/nginx.py").read_text() == blocks["python"]
