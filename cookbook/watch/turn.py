"""
One turn of a group: `cook drift` or `cook converge` in a process of its own.

So recipes, inventory and features are read anew at each turn, a defect or a recipe that ends the
process ends one turn only, and memory that a turn has taken is given back.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol

from cookbook.reports.schema import Document
from cookbook.secrets.stores import environment
from cookbook.text.bounded_io import parsed_json
from cookbook.text.json_shape import shaped

if TYPE_CHECKING:
    from cookbook.watch.settings import WatchGroup, WatchMode

_MOST_BYTES = 256 * 1024**2
_LAST_BYTES = 8 * 1024


@dataclass(frozen=True)
class TurnResult:
    """The result of a turn."""

    group: str
    mode: WatchMode
    began: float
    """Seconds since the epoch."""
    seconds: float
    exit: int
    """The exit status of the command; negative if a signal ended it."""
    document: Document | None
    """None if it did not come to a report: the recipe or the inventory is wrong."""
    error: str = ""
    """The last lines of what it has said, if there is no document."""


class Turn(Protocol):
    """A turn at work."""

    def result(self, now: float) -> TurnResult | None:
        """Return the result; None as long as it is at work."""
        ...

    def stop(self) -> None:
        """Have it end after what each of its hosts is at; a second time, end that, too."""
        ...


StartTurn = Callable[["WatchGroup", "WatchMode", float], Turn]
"""Begins a turn of a group at a time, in seconds since the epoch."""


class ProcessTurn:
    """A turn as a process."""

    def __init__(
        self, group: WatchGroup, mode: WatchMode, now: float, words: Sequence[str]
    ) -> None:
        """Start it; `words` are the options for all turns: the inventory, the store."""
        self._group, self._began = group, now
        self._mode: WatchMode = mode
        self._out = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the result is read
        self._err = tempfile.TemporaryFile()  # noqa: SIM115 - as well
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "cookbook.cli", *command_of(group, mode), *words],
            stdin=subprocess.DEVNULL,
            stdout=self._out,
            stderr=self._err,
            env={**os.environ, **environment.taken()},
            start_new_session=True,  # Ctrl-C at a terminal is passed on by `stop`, not twice
        )

    def result(self, now: float) -> TurnResult | None:
        """Return the result; None as long as it is at work."""
        if (status := self._process.poll()) is None:
            return None
        with self._out, self._err:
            document, said = _report(self._out, self._err)
        return TurnResult(
            self._group.name,
            self._mode,
            self._began,
            max(0.0, now - self._began),
            status,
            document,
            said,
        )

    def stop(self) -> None:
        """Have it end after what each of its hosts is at; a second time, end that, too."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)


def command_of(group: WatchGroup, mode: WatchMode) -> list[str]:
    """Return the words of the command for a turn, without what is the same for all groups."""
    words = [mode, *map(str, group.recipes), "--limit", group.limit, "--output", "json"]
    if group.timeout is not None:
        words += ["--timeout", group.timeout]
    if mode == "converge" and group.prune:
        words.append("--prune")
    if mode == "drift" and group.record:
        words.append("--record")
    return words


def starter(words: Sequence[str]) -> StartTurn:
    """Return the function that begins turns as processes, all with these options."""

    def start(group: WatchGroup, mode: WatchMode, now: float) -> Turn:
        return ProcessTurn(group, mode, now, words)

    return start


def inventory_words(
    hosts: Path | None, store: str | None = None, environment: str | None = None
) -> list[str]:
    """Return the options for an inventory, or this machine, a store and an environment."""
    words = ["--local"] if hosts is None else ["--hosts", str(hosts)]
    words += [] if store is None else ["--store", store]
    return words if environment is None else [*words, "--environment", environment]


def _report(out: IO[bytes], err: IO[bytes]) -> tuple[Document | None, str]:
    """Return the document that a turn printed; without one, what it has said instead."""
    out.seek(0)
    printed = out.read(_MOST_BYTES)
    try:
        return shaped(Document, parsed_json(printed)), ""
    except ValueError as error:
        broken = f"cook: its report cannot be read: {error}" if printed.strip() else ""
        return None, "\n".join(filter(None, (_end_of(err), broken)))


def _end_of(file: IO[bytes]) -> str:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _LAST_BYTES))
    return file.read().decode(errors="replace").strip()
