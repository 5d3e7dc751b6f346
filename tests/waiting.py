"""Waiting for an effect: commands return, and processes end, before all that they do is done."""

from __future__ import annotations

import time
from collections.abc import Callable

from cookbook.kitchen import KitchenHost

LONG = 60.0
"""Seconds that an effect may take on a busy machine; most are there in a tenth of one."""


def eventually(so: Callable[[], object], seconds: float = LONG) -> None:
    """Wait until something is so; fail if it is not within these seconds."""
    end = time.monotonic() + seconds
    while not so():
        assert time.monotonic() < end, f"it is not so within {seconds:g} s"
        time.sleep(0.05)


def until(host: KitchenHost, path: str) -> None:
    """Wait until there is a file on a host."""
    eventually(lambda: host.run(f"test -e {path}").returncode == 0)


def listening(*ports: int) -> str:
    """Return a shell command that ends when a host listens on these ports of TCP, or fails."""
    waits = "; ".join(
        f'until [ "$(ss -ltnH "sport = :{port}")" ]; do sleep 0.1; done' for port in ports
    )
    return f"timeout {LONG:g} sh -c '{waits}'"


def halted(folder: object) -> str:
    """
    Return a shell command that ends when a run was told to stop while that command is at work.

    The run leaves word in the folder that is COOK_HOME there. The command ends after a minute
    anyway; a fixed pause in its place would race with the signal.
    """
    return (
        f"i=0; until ls {folder}/.halt-* >/dev/null 2>&1 || [ $i -ge 600 ];"
        " do i=$((i+1)); sleep 0.1; done"
    )
