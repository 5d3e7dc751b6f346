"""
The history: what was done, by whom, from which revision.

    with History.open(None) as history:
        for run in history.runs(host="web1"):
            print(run.run, run.changed)

Runs write journals (`cookbook.journal`); this reads them into tables, SQLite's or PostgreSQL's,
and asks those. It is imported by who asks only: SQLAlchemy takes longer to load than a run
has to spare.
"""

from cookbook.drift import Known
from cookbook.history.answers import Blame, RecordedStep, RunState, RunSummary
from cookbook.history.store import History

__all__ = ["Blame", "History", "Known", "RecordedStep", "RunState", "RunSummary"]
