"""Keep a run in the history: its journal meanwhile, and its way to the store afterwards."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from cookbook.retry import Retry, growing
from cookbook.text.user_dirs import journals, state_folder, store_url

_MANY = 20
"""So many journals may wait on this machine before a run has them put into the database."""

_PATIENCE = 60.0
"""Seconds that a service waits for the process that it has started."""

_SQLITE = b"SQLite format 3\0"
"""The first bytes of a database of SQLite; an empty file is one as well."""


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
        else:
            _warn_of_store(recorder.folder, url)
            if _due(recorder.folder, url):
                options.shipping = ship(url)


def _warn_of_store(folder: Path, url: str | None) -> None:
    """Say once that the store has not taken in earlier journals, or cannot take in this one."""
    from cookbook.history.failure import take_failure

    if reason := _damage(url):
        _warn(f"the history cannot take in this run: {reason}; its journal is kept in {folder}")
    elif reason := take_failure(folder):
        _warn(f"{reason}; their journals are kept in {folder}")


def _damage(url: str | None) -> str | None:
    """
    Return why the file of a local history is none; None if nothing speaks against it.

    Only its beginning is read: a run loads no database.
    """
    if url is not None and not url.startswith("sqlite:///"):
        return None
    path = Path(url.removeprefix("sqlite:///")) if url else state_folder() / "history.db"
    try:
        with path.open("rb") as file:
            begin = file.read(len(_SQLITE))
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"{path}: {error.strerror}"
    return None if begin in (b"", _SQLITE) else f"{path} is not an SQLite database"


def _due(folder: Path, url: str | None) -> bool:
    """Return whether to ship the journals now; each reader of a local store does it as well."""
    if url is not None and not url.startswith("sqlite:"):
        return True
    with contextlib.suppress(OSError):
        return sum(name.endswith(".jsonl") for name in os.listdir(folder)) > _MANY  # noqa: PTH208 - fast
    return False


def finish_shipping(options: argparse.Namespace) -> None:
    """
    Wait for the process that ships the journals, where it would be ended with this one.

    systemd ends all processes of a service when its main process has ended: of `cook pull` by a
    timer, no journal would ever come to the store.
    """
    pid = getattr(options, "shipping", None)
    is_service = os.environ.get("SYSTEMD_EXEC_PID") == str(os.getpid())
    if pid is None or not (is_service or getattr(options, "known_as", None)):
        return
    tries = Retry(growing(0.02), within=_PATIENCE)
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(pid, os.WNOHANG) == (0, 0):
            if not tries.again():
                _warn(f"the history has not taken in this run within {_PATIENCE:.0f} s")
                return


def ship(url: str | None) -> int | None:
    """
    Start a process that ships the journals to the store; return its number, do not wait for it.

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
            return os.posix_spawn(
                sys.executable, words, os.environ, file_actions=[first, *silent], setsid=True
            )
    return None


def _warn(text: str) -> None:
    from cookbook.cli.progress import write

    with contextlib.suppress(OSError):
        write([("yellow", f"cook: {text}")], sys.stderr)
