"""
The history: what was done, by whom, from which revision.

    with History.open(None) as history:
        for run in history.runs(host="web1"):
            print(run.run, run.changed)

Runs write journals (`cookbook.history.journal`). The store reads them into tables of SQLite
or PostgreSQL and answers questions from those. It is imported only by commands that need
it, because SQLAlchemy takes long to load.
"""

from cookbook.history.drift import Known
from cookbook.history.records import Blame, RecordedStep, RunState, RunSummary
from cookbook.history.store.history import History

__all__ = ["Blame", "History", "Known", "RecordedStep", "RunState", "RunSummary"]
