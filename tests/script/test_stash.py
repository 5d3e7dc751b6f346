"""Contents that are kept for an undo: a part of one is never taken for all of it."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from cookbook.script import stash
from cookbook.script.shell import Command, sh


def kept(home: Path, command: Command, **tools: str) -> str:
    """Run a command as a host does, with tools of these texts; return the first line it prints."""
    for name, text in tools.items():
        (home / name).write_text(f"#!/bin/sh\n{text}\n")
        (home / name).chmod(0o755)
    done = subprocess.run(
        ["/bin/sh", "-c", f"cook_nonce=x\n{stash.HOME}{stash.FUNCTIONS}{command.text}"],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": f"{home}:/usr/bin:/bin", "COOK_HOME": str(home / "cook")},
    )
    return done.stdout.split("\n", 1)[0]


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("echo hash", True),
        ("printf 'hash\\n'; true", True),
        ("echo hash; false", False),
        ("echo hash; exit 3", False),
        ("no-such-program", False),
        ("head -c 70000000 /dev/zero", False),
    ],
)
def test_the_output_of_a_command_that_fails_is_not_kept(
    tmp_path: Path,
    text: str,
    whole: bool,  # noqa: FBT001
) -> None:
    command = stash.keep_output(Command(text, text))
    assert kept(tmp_path, command) == (digest("hash\n") if whole else "-")
    entries = [one.name for one in (tmp_path / "cook/stash").iterdir() if one.name[0] != "."]
    assert not whole or entries == [digest("hash\n")]


GNU = 'case $1 in --version) echo "tar (GNU tar) 1.34"; exit ;; esac; echo part; exit'
BUSYBOX = 'case $1 in --version) echo "tar (busybox) 1.35"; exit ;; esac; echo part; exit'


@pytest.mark.parametrize(
    ("tar", "whole"),
    [
        (f"{GNU} 0", True),
        (f"{GNU} 1", True),  # a file was written to meanwhile, and is there
        (f"{GNU} 2", False),
        (f"{BUSYBOX} 0", True),
        (f"{BUSYBOX} 1", False),
        ("exit 127", False),
    ],
)
def test_a_folder_that_tar_cannot_read_as_a_whole_is_not_kept(
    tmp_path: Path,
    tar: str,
    whole: bool,  # noqa: FBT001
) -> None:
    assert kept(tmp_path, stash.keep_tree("/etc"), tar=tar) == (digest("part\n") if whole else "-")


def test_a_folder_comes_back(tmp_path: Path) -> None:
    (tmp_path / "tree/below").mkdir(parents=True)
    (tmp_path / "tree/below/file").write_text("text")
    found = kept(tmp_path, stash.keep_tree(str(tmp_path / "tree")))
    listed = subprocess.run(
        ["tar", "-tf", str(tmp_path / "cook/stash" / found)], capture_output=True, check=True
    )
    assert listed.stdout.decode().splitlines() == ["tree/", "tree/below/", "tree/below/file"]
    assert kept(tmp_path, sh("{}", stash.keep_tree(str(tmp_path / "none")))) == "-"
