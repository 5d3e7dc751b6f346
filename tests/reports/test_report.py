"""How much is in line: before a run that only looks, after one that acts."""

from __future__ import annotations

import pytest

from cookbook.errors import CommandError
from cookbook.language.change import Change
from cookbook.language.collection import Declared
from cookbook.planning.status import Mode
from cookbook.planning.step import Step
from cookbook.reports.report import HostReport, Report, report_json
from cookbook.resources import File

CHANGED = Step(Declared(File("/a"), "r.py:1"), "changed", Change(None, File("/a")))
OK = Step(Declared(File("/b"), "r.py:2"), "ok")
FAILED = Step(Declared(File("/c"), "r.py:3"), "failed", error=CommandError("no"))
ACT = Step(Declared(File("/d"), "r.py:4"), "changed", Change(None, None, "run"))
ORPHAN = Step(Declared(File("/e"), "r.py:5"), "orphaned")


@pytest.mark.parametrize(
    ("mode", "steps", "percent"),
    [
        ("plan", [CHANGED, OK], 50.0),
        ("drift", [CHANGED, OK], 50.0),
        ("converge", [CHANGED, OK], 100.0),
        ("converge", [CHANGED, OK, FAILED], 66.67),
        ("plan", [OK, ACT, ORPHAN], 100.0),
        ("plan", [], 100.0),
    ],
)
def test_a_share_is_what_is_in_line_when_the_run_is_over(
    mode: Mode, steps: list[Step], percent: float
) -> None:
    host = HostReport("web1", "ok", steps, looks=mode in ("plan", "drift"))
    document = report_json(Report("r", mode, {"web1": host}))
    assert document["in_line"] == document["hosts"]["web1"]["in_line"] == percent
