"""The live display: on a terminal only, and gone when it is over."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

RECIPE = """
from cookbook.resources import execute, file
execute("slow", command="sleep 5")
file("/no/such/folder/x")
"""


def on_a_terminal(folder: Path, *words: str) -> tuple[int, str]:
    """Run cook with a terminal of its own; what it drew."""
    (folder / "r.py").write_text(RECIPE)
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "cookbook.cli", *words],
        stdout=theirs,
        stderr=theirs,
        stdin=theirs,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "100"},
    )
    os.close(theirs)
    drawn = b""
    while True:
        try:
            data = os.read(ours, 65536)
        except OSError:  # how Linux says that nobody holds the other end any more
            break
        if not data:
            break
        drawn += data
    os.close(ours)
    return process.wait(), drawn.decode()


@pytest.mark.slow
def test_a_terminal_sees_who_is_at_work_and_then_the_report(tmp_path: Path) -> None:
    status, drawn = on_a_terminal(tmp_path, "converge", "r.py", "--local")

    assert status == 3
    assert "0/1 hosts" in drawn
    assert "execute[slow]" in drawn.partition("localhost: failed")[0]  # while it slept
    report = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", drawn.partition("localhost: failed")[2])
    assert "> execute[slow]  ran  [r.py:3]" in report
    assert "! file[/no/such/folder/x]  failed  [r.py:4]" in report
    assert "0/1 hosts" not in report


def test_colours_are_for_terminals_only(tmp_path: Path) -> None:
    _, drawn = on_a_terminal(tmp_path, "plan", "r.py", "--local")
    assert "\x1b[3" in drawn

    piped = subprocess.run(
        [sys.executable, "-m", "cookbook.cli", "plan", "r.py", "--local"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert "\x1b" not in piped.stdout + piped.stderr
