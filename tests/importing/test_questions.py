"""The questions to a host: they leave no trace there."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from cookbook.importing.questions import QUESTIONS

PROGRAMS = {
    "dpkg": r"""case $1 in --get-selections) printf 'a install\nb:i386\thold\n' ;;
*) echo amd64 ;; esac""",
    "dpkg-query": """cat <<END
installed a amd64
installed b amd64
installed b i386
installed c all
config-files d amd64
half-configured e amd64
installed f all
END""",
    "apt-cache": 'echo "$LC_ALL $*"',
}
MARKS = """\
Package: b
Architecture: i386
Auto-Installed: 1

Package: c
Architecture: amd64
Auto-Installed: 1

Package: f
Architecture: amd64
Auto-Installed: 0
"""


def ask(question: str, root: Path) -> str:
    """The answer of a host with these programs, and with files of apt in a folder."""
    for name, text in PROGRAMS.items():
        (root / name).write_text(f"#!/bin/sh\n{text}\n")
        (root / name).chmod(0o755)
    text = QUESTIONS[question].text.replace("/var/", f"{root}/var/")
    env = {"PATH": f"{root}:{os.environ['PATH']}"}
    return subprocess.run(
        ["/bin/sh", "-c", text], env=env, capture_output=True, text=True, check=True
    ).stdout


@pytest.mark.parametrize("marks", [MARKS, None])
def test_packages_by_request_are_read_without_apt(tmp_path: Path, marks: str | None) -> None:
    if marks is not None:
        (tmp_path / "var/lib/apt").mkdir(parents=True)
        (tmp_path / "var/lib/apt/extended_states").write_text(marks)
    expected = ["a", "b", "e", "f"] if marks else ["a", "b", "b:i386", "c", "e", "f"]
    assert ask("manual", tmp_path).split() == expected
    assert ask("held", tmp_path).split() == ["b:i386"]


def test_policies_are_asked_without_writing_caches(tmp_path: Path) -> None:
    uncached = "C -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= policy a b b:i386 c e f\n"
    assert ask("local", tmp_path) == uncached
    cache, lists = (
        tmp_path / "var/cache/apt/srcpkgcache.bin",
        tmp_path / "var/lib/apt/lists/partial",
    )
    lists.mkdir(parents=True)
    cache.parent.mkdir(parents=True)
    cache.write_text("")
    for path in (lists, lists.parent):
        os.utime(path, (1, 1))
    assert ask("local", tmp_path) == uncached.replace(" -o Dir::Cache::srcpkgcache=", "")


def test_no_question_is_to_a_program_that_writes() -> None:
    texts = [question.text for question in QUESTIONS.values()]
    assert [
        one for one in texts if re.search(r"apt-mark|apt-get|nginx -|apt-cache (?!\$use)", one)
    ] == []
