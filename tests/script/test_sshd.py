"""
The wait for a reload of sshd, against a process of that name that blocks its signals for a while.

tests/on_hosts/test_login_check.py has the real sshd; the scheduler decides when that one runs.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cookbook.script import sshd

BLOCKING = """
import signal, sys, time
open("/proc/self/comm", "w").write("sshd")
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
print(flush=True)
sys.stdin.readline()
print("read again", flush=True)
signal.signal(signal.SIGHUP, lambda *_: None)
signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
time.sleep(60)
"""


@contextmanager
def blocking() -> Iterator[subprocess.Popen[str]]:
    """Start a process named sshd that handles a SIGHUP only when it gets a line."""
    command = [sys.executable, "-c", BLOCKING]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process
        finally:
            process.kill()


def settled(most: int = 100, while_it_waits: Callable[[], object] = lambda: None) -> int:
    """
    Run the wait as a host does, with so many looks at most; return how often it has slept.

    `while_it_waits` is called when it sleeps for the first time.
    """
    text = sshd.SETTLED.text.replace("-lt 100", f"-lt {most}")
    slept, command = 0, ["/bin/sh", "-x", "-c", text]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as wait:
        assert wait.stdout is not None
        assert wait.stderr is not None
        for line in wait.stderr:
            if line.startswith("+ sleep "):
                slept += 1
                if slept == 1:
                    while_it_waits()
        assert wait.stdout.read() == ""
    assert wait.returncode == 0
    return slept


def pending(process: subprocess.Popen[str]) -> bool:
    status = Path(f"/proc/{process.pid}/status").read_text("ascii")
    [line] = [line for line in status.splitlines() if line.startswith("ShdPnd:")]
    return int(line.split()[1], 16) != 0


def test_a_reload_that_was_asked_for_is_waited_for() -> None:
    with blocking() as process:

        def handle() -> None:
            assert pending(process)
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()

        process.send_signal(signal.SIGHUP)
        assert pending(process)
        assert settled(most=1000, while_it_waits=handle) > 0
        assert not pending(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "read again\n"


def test_where_no_reload_was_asked_for_nothing_is_waited_for() -> None:
    """Of five tries one at least: a test host beside may just reload its own."""
    with blocking():
        assert 0 in [settled() for _ in range(5)]


def test_an_sshd_that_never_reads_again_is_not_waited_for_forever() -> None:
    with blocking() as process:
        process.send_signal(signal.SIGHUP)
        assert settled(most=3) == 3
        assert pending(process)
