"""
The database of finished runs: SQLite, or the PostgreSQL of a team.

    with History.open(None) as history:
        for run in history.runs(host="web1"):
            print(run.run, run.changed)

Only commands that need the history import it, because SQLAlchemy takes long to load.
"""

from cookbook.history.store.history import History

__all__ = ["History"]
