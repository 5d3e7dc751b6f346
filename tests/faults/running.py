"""A run of cook in a process of its own, and what it says."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Start = Callable[..., "subprocess.Popen[str]"]
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


def told(run: subprocess.Popen[str], within: float = 120) -> Told:
    """What it says in the end."""
    try:
        out, errors = run.communicate(timeout=within)
    except subprocess.TimeoutExpired:
        run.kill()
        raise
    assert out, errors
    return Told(run.returncode, json.loads(out), errors)
