"""
`python -m cookbook.history.store.shipping`: a process of its own that puts journals into the store.

A run starts it and does not wait. It reads the URL from its standard input, because others can
see arguments. What goes wrong is kept in a file, and told by the next command that reads.
"""

from __future__ import annotations

import sys
from pathlib import Path

from cookbook.text.user_dirs import journals

_FAILURE = "failed"
_LONGEST = 2000


def ship(url: str | None) -> None:
    """Do it; keep what went wrong."""
    from cookbook.history.store.database import Database
    from cookbook.history.store.ingest import ingest

    folder = journals(url)
    try:
        database = Database(url)
        try:
            ingest(folder, database)
        finally:
            database.close()
        (folder / _FAILURE).unlink(missing_ok=True)
    except Exception as error:  # noqa: BLE001 - there is no terminal
        (folder / _FAILURE).write_text(str(error), "utf-8")


def take_failure(folder: Path) -> str | None:
    """Return the error of the last transfer, once."""
    path = folder / _FAILURE
    try:
        reason = path.read_text("utf-8", "replace")[:_LONGEST]
        path.unlink()
    except OSError:
        return None
    return f"runs could not be sent to the store when they were over: {reason}"


if __name__ == "__main__":
    ship(sys.stdin.read() or None)
