"""What an error tells of a failed command whose output may hold a secret."""

from __future__ import annotations

import pytest

from cookbook.applying.batch import explain
from cookbook.script.program import Outcome
from cookbook.script.shell import sh


@pytest.mark.parametrize(
    ("said", "status", "cause"),
    [
        ("hunter2: write error: No space left on device", 1, "a file system is full"),
        ("hunter2", 137, "it was killed by signal 9 (SIGKILL)"),
        ("hunter2", 1, None),
    ],
)
def test_a_known_cause_is_told_without_the_output(
    said: str, status: int, cause: str | None
) -> None:
    error = explain(sh("write {}", "/etc/x"), Outcome(status, stderr=said.encode()), hidden=True)

    assert error.cause == cause
    assert error.hint is not None
    assert error.hint.endswith("what it said is hidden, because the resource is sensitive")
    assert "hunter2" not in f"{error} {error.hint} {error.cause} {error.failed}"
