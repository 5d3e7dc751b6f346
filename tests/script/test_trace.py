"""What a host's record says of the commands of a batch that was cut off."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from cookbook.hosts.session import Session
from cookbook.script.program import Ask, Do, Program
from cookbook.script.shell import sh
from cookbook.script.trace import Trace, read_trace
from cookbook.transport.local import LocalTransport


@pytest.mark.parametrize(
    ("text", "trace"),
    [
        ("", None),
        ("other\nother 1\n", None),
        ("ours\n", Trace()),
        ("ours\nours 1\n", Trace(frozenset({1}))),
        ("ours\nours 1\nours 1 0\nours 2\n", Trace(frozenset({1, 2}), {1: 0})),
        ("ours\nours 1\nours 1 1", Trace(frozenset({1}))),
        ("ours\nours x\nours 1 2 3\n", Trace(frozenset({1}), {1: 2})),
    ],
)
def test_a_record_is_of_one_program(text: str, trace: Trace | None) -> None:
    assert read_trace(text, "ours") == trace


@pytest.mark.parametrize(
    ("numbers", "fate"),
    [([1], "done"), ([1, 2], "failed"), ([3], "begun"), ([1, 3], "begun"), ([4, 5], "not-begun")],
)
def test_the_fate_of_a_change_is_that_of_all_its_commands(numbers: list[int], fate: str) -> None:
    assert Trace(frozenset({1, 2, 3}), {1: 0, 2: 7}).fate(numbers) == fate


def test_a_shell_that_is_killed_leaves_a_record(cook_home: Path) -> None:
    """Of the commands before it that they ended, of the one that it was at that it began."""
    work = [Do(sh(text), 10, traced=True) for text in (":", "kill -KILL $$", ":")]
    program = Program((Do(sh("exit 0"), 10), *work))
    env = {**os.environ, "COOK_HOME": str(cook_home)}
    subprocess.run(["sh"], input=program.script, env=env, capture_output=True, check=False)

    session = Session(LocalTransport())
    assert session.trace_of(program.nonce, rebooted=False) == Trace(frozenset({1, 2}), {1: 0})
    assert session.trace_of("another", rebooted=False) == Trace()
    assert session.trace_of("another", rebooted=True) is None
    session.close()


def test_questions_leave_no_record(cook_home: Path) -> None:
    session = Session(LocalTransport())
    session.run([Ask(sh("echo hello"))])
    assert session.run([]) == []
    session.close()
    assert not cook_home.exists()
