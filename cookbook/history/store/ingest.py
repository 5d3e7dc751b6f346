"""
The transfer of journals into the tables; each reader of the history does it first.

A journal of a finished run is deleted once its rows are committed; one of a running run is read
each time again. A lock keeps two readers apart. If one is killed between commit and deletion, the
next one finds the run in the tables and only deletes the journal.
"""

from __future__ import annotations

import contextlib
import fcntl
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, TextIO

from cookbook.errors import HistoryError
from cookbook.history.journal import SUFFIX
from cookbook.history.journal_reader import ToldRun, told
from cookbook.history.store.database import Database
from cookbook.history.store.writer import Writer
from cookbook.retry import Retry, growing

_BATCH = 200
"""Journals in one transaction."""
_PATIENCE = 20.0
"""Seconds to wait for another reader who is at it."""
_LOOK_AGAIN = 0.02
"""Seconds between two looks whether another reader has finished."""
_STALE = 24 * 3600.0
"""Seconds after which a journal that never got a first line is swept away."""


@dataclass
class Ingested:
    """The result of reading the journals."""

    warnings: list[str] = field(default_factory=list)
    moved: int = 0


def ingest(folder: Path, database: Database) -> Ingested:
    """
    Put what waits in a folder into the history.

    Raises HistoryError if the database does not take it; nothing is lost then.
    """
    done = Ingested()
    if not folder.is_dir():
        return done
    with _alone(folder) as alone:
        if not alone:
            done.warnings.append(
                f"the newest runs are not shown: {folder} is another user's, or in use"
            )
            return done
        _sweep(folder)
        waiting = sorted(folder.glob(f"*{SUFFIX}"))
        for first in range(0, len(waiting), _BATCH):
            _move(waiting[first : first + _BATCH], database, done)
    return done


def _move(paths: list[Path], database: Database, done: Ingested) -> None:
    over: list[Path] = []
    with database.writing() as connection:
        writer = Writer(connection, sqlite=database.sqlite)
        for path in paths:
            run = _read(path, done)
            if run is not None:
                writer.write(run)
                if run.state != "running":
                    over.append(path)
    for path in over:
        path.unlink(missing_ok=True)
    done.moved += len(over)


def _read(path: Path, done: Ingested) -> ToldRun | None:
    try:
        with path.open("rb") as file:
            return told(path, file, alive=not _unlocked(file))
    except FileNotFoundError:
        return None
    except HistoryError as error:
        done.warnings.append(f"{error}: {error.hint}")
    except ValueError as error:
        broken = path.with_suffix(".broken")
        path.rename(broken)
        done.warnings.append(f"a journal cannot be read, and is kept as {broken}: {error}")
    except OSError as error:
        done.warnings.append(f"{path}: {error.strerror}")
    return None


def _unlocked(file: BinaryIO) -> bool:
    """Return whether its writer has ended: the lock of a process ends with it."""
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    """Exclude other readers; yield whether that was possible within a short time."""
    try:
        file = (folder / ".lock").open("w")
    except OSError:
        yield False
        return
    with file:
        yield _locked(file)


def _locked(file: TextIO) -> bool:
    tries = Retry(growing(_LOOK_AGAIN), within=_PATIENCE)
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not tries.again():
                return False
        else:
            return True


def _sweep(folder: Path) -> None:
    """Remove what a run that was killed while it made its journal has left."""
    for path in folder.glob("*.new"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > _STALE:
                path.unlink()
