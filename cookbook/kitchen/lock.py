"""Locks: one command at a time, of all users; hosts that only one process has."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """
    Hold the lock file `path`, waiting for it; its folder is made if need be (flock(2)).

    The holder may delete the file: who waited for the deleted one starts over.
    """
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if _is_at(lock, path):
                yield
                return


def claim(path: Path) -> IO[str] | None:
    """
    Lock the file `path` without waiting; return it, open. None if another process has it.

    It is locked until it is closed; the holder may delete the file before.
    """
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            return None
        if _is_at(lock, path):
            return lock
        lock.close()


def _is_at(lock: IO[str], path: Path) -> bool:
    """Return whether this open file is still the one of that path."""
    return path.exists() and os.path.samestat(os.fstat(lock.fileno()), path.stat())
