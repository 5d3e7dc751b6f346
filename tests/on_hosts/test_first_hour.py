"""docs/guide/first-hour.md: its commands, from a wheel, in a folder of their own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

pytestmark = pytest.mark.hosts

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def steps() -> list[tuple[str, list[str]]]:
    """Return the commands of the page, each with the lines that it shows."""
    (block,) = BLOCK.findall((ROOT / "docs/guide/first-hour.md").read_text())
    found: list[tuple[str, list[str]]] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append((line.removeprefix("$ "), []))
        else:
            found[-1][1].append(line)
    return found


def test_its_commands_do_what_it_shows(tmp_path: Path) -> None:
    commands = steps()
    assert len(commands) == 10
    source = tmp_path / "source"
    subprocess.run(["git", "clone", "-q", ROOT, source], check=True)
    wheel = ["wheel", "-q", "--no-deps", "--disable-pip-version-check", "-w", str(tmp_path)]
    subprocess.run([sys.executable, "-m", "pip", *wheel, str(source)], check=True)
    (built,) = tmp_path.glob("cook_converge-*.whl")
    text = "set -eu\n"
    for number, (command, _) in enumerate(commands):
        line = command.replace("python3", sys.executable)
        line = line.replace("'cook-converge[test]'", f"-q '{built}[test]'")
        text += f"echo '<{number}>'\n{line}\n"
    own = {
        key: value for key, value in os.environ.items() if not key.startswith(("COOK", "VIRTUAL"))
    }
    (tmp_path / "hour").mkdir()
    done = subprocess.run(
        ["bash", "-c", text],
        cwd=tmp_path / "hour",
        env={**own, "HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "state")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=3600,
    )
    assert done.returncode == 0, done.stdout
    parts = re.split(r"^<\d+>$", done.stdout, flags=re.MULTILINE)[1:]
    for part, (command, shown) in zip(parts, commands, strict=True):
        for line in shown:
            if line != "...":
                said = part.splitlines()
                assert any(fnmatchcase(one, line.replace("[", "[[]")) for one in said), (
                    command,
                    part,
                )
