"""
The work of a worker on a shard: a process of cook on these hosts, in a copy of the files.

The process is one as on a single machine, so nothing of a run is done in another way. Keys and the
stores of secrets are those of the worker: a run brings names of secrets, and no values.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cookbook.cluster.bundle import unpacked

_LOOK = 1.0
"""Seconds between two looks whether the run is to stop."""

_MOST_OUTPUT = 1 << 30


@dataclass(frozen=True)
class ShardResult:
    """The outcome of a shard."""

    number: int
    document: str
    """The report as JSON; empty if the process has made none."""

    errors: str = ""
    journals: dict[str, bytes] = field(default_factory=dict)
    worker: str = ""


def do_shard(
    number: int,
    words: Sequence[str],
    archive: bytes,
    stopping: Callable[[], bool] = lambda: False,
) -> ShardResult:
    """
    Run `cook` with these words in a copy of the files; return its report and journals.

    `stopping` is asked again and again; the process is interrupted, as by Ctrl-C, if it is true.
    """
    with tempfile.TemporaryDirectory(prefix="cook-shard-") as place:
        folder, state = Path(place) / "files", Path(place) / "state"
        folder.mkdir()
        unpacked(archive, folder)
        with (Path(place) / "out").open("w+b") as out, (Path(place) / "err").open("w+b") as err:
            process = subprocess.Popen(
                [sys.executable, "-m", "cookbook.cli", *words],
                cwd=folder,
                env={**os.environ, "COOK_STATE": str(state), "COOK_STORE": ""},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )
            _wait(process, stopping)
            texts = []
            for stream in (out, err):
                stream.seek(0)
                texts.append(stream.read(_MOST_OUTPUT).decode("utf-8", "replace"))
        journals = {path.name: path.read_bytes() for path in (state / "journal").glob("*.jsonl")}
    return ShardResult(number, texts[0], texts[1], journals, os.uname().nodename)


def _wait(process: subprocess.Popen[bytes], stopping: Callable[[], bool]) -> None:
    told = False
    try:
        while True:
            try:
                process.wait(_LOOK)
            except subprocess.TimeoutExpired:
                if not told and stopping():
                    process.send_signal(signal.SIGINT)
                    told = True
                continue
            return
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def files(archive: bytes) -> bytes:
    """Return the files of a run: a task of its own, so that workers hand them to one another."""
    return archive


def on_worker(number: int, words: Sequence[str], archive: bytes, run: str) -> ShardResult:
    """Do a shard as a task of Dask, until the client sets the event of the run."""
    import distributed

    dask: Any = distributed
    event = dask.Event(stop_event(run))

    def stopping() -> bool:
        try:
            return bool(event.is_set())
        except (OSError, RuntimeError):  # the scheduler is away; the shard goes on
            return False

    return do_shard(number, words, archive, stopping)


def stop_event(run: str) -> str:
    """Return the name of the event that stops a run."""
    return f"cook-stop-{run}"
