"""A run of cook in a process of its own, and what it says."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.waiting import eventually

ROOT = Path(__file__).parents[2]

FIRST = "stopping after the resource at work"
SECOND = "once more leaves at once"
THIRD = "cook: left; "
"""What a run says when it is told to stop: for the first time, the second and the third."""


class Run(subprocess.Popen[str]):
    """A run at work; what it says on its standard error is in a file, to be read meanwhile."""

    def __init__(self, words: Sequence[str | Path], said: Path) -> None:
        """Begin it."""
        self._said = said
        with said.open("w") as errors:
            super().__init__(words, stdout=subprocess.PIPE, stderr=errors, text=True, cwd=ROOT)

    @property
    def complaints(self) -> str:
        """What it has said of errors by now."""
        return self._said.read_text()

    def tell(self, number: signal.Signals, heard: str) -> None:
        """
        Send it a signal, and wait until it says this.

        Python handles two signals of one number as one if the second one comes too soon.
        """
        self.send_signal(number)
        eventually(lambda: heard in self.complaints)


Start = Callable[..., Run]
"""Begins a run: `start(host, recipe, *words, command=..., hosts=...)`; see conftest.py."""

Words = Callable[..., list[str]]
"""The same arguments; the words of the command line."""

Ran = Callable[..., "Told"]
"""The same arguments; runs in this process, to the end."""


@dataclass(frozen=True)
class Told:
    """What a run has said, and how it ended."""

    exit: int
    document: dict[str, Any]
    errors: str

    @property
    def host(self) -> dict[str, Any]:
        """What it said of its only host."""
        [host] = self.document["hosts"].values()
        found: dict[str, Any] = host
        return found

    @property
    def statuses(self) -> list[str]:
        """Of each resource, in order."""
        return [one["status"] for one in self.host["resources"]]


def told(run: Run, within: float = 300) -> Told:
    """What it says in the end."""
    try:
        out, _ = run.communicate(timeout=within)
    except subprocess.TimeoutExpired:
        run.kill()
        raise
    assert out, run.complaints
    return Told(run.returncode, json.loads(out), run.complaints)
