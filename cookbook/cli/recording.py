"""Keep a run in the history: its journal meanwhile, and its way to the store afterwards."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from cookbook.text.user_dirs import journals, store_url

_MANY = 20
"""So many journals may wait on this machine before a run has them put into the database."""


@contextlib.contextmanager
def recording(options: argparse.Namespace) -> Iterator[None]:
    """Write a journal of what is run meanwhile, if that is wanted."""
    if not options.record:
        yield
        return
    from cookbook.history.journal import Recorder
    from cookbook.plugins.manager import listening

    url = store_url(options.store)
    recorder = Recorder(journals(url))
    try:
        with listening(recorder):
            yield
    finally:
        recorder.close()
        if recorder.error is not None:
            _warn(f"this run is not in the history, or not all of it: {recorder.error}")
        elif _due(recorder.folder, url):
            ship(url)


def _due(folder: Path, url: str | None) -> bool:
    """Return whether to ship the journals now; each reader of a local store does it as well."""
    if url is not None and not url.startswith("sqlite:"):
        return True
    with contextlib.suppress(OSError):
        return sum(name.endswith(".jsonl") for name in os.listdir(folder)) > _MANY  # noqa: PTH208 - fast
    return False


def ship(url: str | None) -> None:
    """
    Start a process that ships the journals to the store; do not wait for it.

    The process gets the URL through a pipe, because other users can read its arguments. It does not
    search modules in the current folder: a recipe's folder may contain a `cookbook` of its own.
    """
    reading, writing = os.pipe()
    with open(writing, "wb") as told, open(reading, "rb"):  # noqa: PTH123 - descriptors
        told.write((url or "").encode())
        told.flush()
        words = [sys.executable, "-P", "-m", "cookbook.history.store.shipping"]
        silent = [(os.POSIX_SPAWN_OPEN, stream, os.devnull, os.O_WRONLY, 0) for stream in (1, 2)]
        first = (os.POSIX_SPAWN_DUP2, reading, 0)
        with contextlib.suppress(OSError):  # the next reader, or the next run, does it
            os.posix_spawn(
                sys.executable, words, os.environ, file_actions=[first, *silent], setsid=True
            )


def _warn(text: str) -> None:
    from cookbook.cli.progress import write

    with contextlib.suppress(OSError):
        write([("yellow", f"cook: {text}")], sys.stderr)
