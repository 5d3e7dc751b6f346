"""
The policy of SELinux, by semanage(8).

Where SELinux is not enabled, changes go to the store on the disk and nothing is loaded (`-N`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import LiteralString

from cookbook.provider import Command, Probe, sh

FIND: LiteralString = "PATH=$PATH:/usr/sbin:/sbin command -v semanage || exit 4"

TOOL = Probe(sh(FIND), absent=4, loose=True)
"""The question for semanage(8)."""


def semanage(*words: str) -> Command:
    """Return the command that changes the policy; the first word is what is changed."""
    command = sh(
        "PATH=$PATH:/usr/sbin:/sbin; n=; [ -e /sys/fs/selinux/enforce ] || n=-N; semanage {} $n {}",
        words[0],
        list(words[1:]),
    )
    return replace(command, shown=str(sh("semanage {}", list(words))))


def by_key(text: str, keys: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the lines of an answer that begin with each key."""
    lines = text.splitlines(keepends=True)
    for key in keys:
        if own := [line for line in lines if line.startswith(f"{key} ")]:
            yield key, "".join(own)
