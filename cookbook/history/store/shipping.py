"""
`python -m cookbook.history.store.shipping`: a process of its own that puts journals into the store.

A run starts it and does not wait. It reads the URL from its standard input, because others can
see arguments. What goes wrong is kept in a file, and told by the next command that reads.
"""

from __future__ import annotations

import sys

from cookbook.history.failure import forget_failure, keep_failure
from cookbook.text.user_dirs import journals


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
        forget_failure(folder)
    except Exception as error:  # noqa: BLE001 - there is no terminal
        keep_failure(folder, error)


if __name__ == "__main__":
    ship(sys.stdin.read() or None)
