"""A process is never taken for another that has, or had, its pid."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from cookbook.kitchen.process import Process, find_init, find_leaders


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process of our own, which leads a session."""
    process = subprocess.Popen(["sleep", "600"], start_new_session=True)
    yield process
    process.kill()
    process.wait()


def test_a_process_that_runs_is_alive(sleeper: subprocess.Popen[bytes]) -> None:
    process = Process.of(sleeper.pid)
    assert process is not None
    assert process.alive
    assert not process.ended(0.0)


def test_a_pid_that_was_reused_is_another_process(sleeper: subprocess.Popen[bytes]) -> None:
    process = Process.of(sleeper.pid)
    assert process is not None
    boot, _, ticks = process.started.partition("+")
    earlier = Process(process.pid, f"{boot}+{int(ticks) - 1}")
    assert not earlier.alive
    earlier.kill_group()
    assert process.alive


def test_the_same_ticks_after_a_reboot_are_another_process() -> None:
    me = Process.of(os.getpid())
    assert me is not None
    assert not Process(me.pid, "another-boot+" + me.started.partition("+")[2]).alive


def test_a_zombie_is_dead(sleeper: subprocess.Popen[bytes]) -> None:
    process = Process.of(sleeper.pid)
    assert process is not None
    process.kill_group()
    assert process.ended(60.0)
    # Nobody has waited for it yet: it still has its pid.
    assert not process.alive
    assert Process.of(sleeper.pid) is None


def test_a_process_may_have_a_name_that_is_no_utf8() -> None:
    """As one whose name is long: the kernel cuts it after 15 bytes, in the middle of a letter."""
    rename = "open('/proc/self/comm', 'wb').write(b'\\xc3'); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", rename], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as named:
        assert named.stdout is not None
        named.stdout.readline()
        assert Process.of(named.pid) is not None
        assert find_init(os.getpid()) is None  # which looks at all processes
        named.communicate(b"\n")


def test_there_is_no_process_with_an_unused_pid() -> None:
    assert Process.of(2**22 + 1) is None
    assert Process(2**22 + 1, "any").ended(0.0)


def test_only_session_leaders_are_found_by_an_argument() -> None:
    argument = f"cook-test-{os.getpid()}"  # others run this test, too
    script = 'echo go; sleep 600 & read -r line; kill $!; : "$1"'
    with subprocess.Popen(
        ["sh", "-c", script, "sh", argument],
        start_new_session=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as leader:
        assert leader.stdout is not None
        leader.stdout.readline()
        assert [process.pid for process in find_leaders(argument)] == [leader.pid]


def test_what_runs_no_container_has_no_init(sleeper: subprocess.Popen[bytes]) -> None:
    assert find_init(sleeper.pid) is None
