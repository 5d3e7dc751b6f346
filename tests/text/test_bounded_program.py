"""Programs that print too much, take too long, or leave others behind."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from cookbook.text.bounded_program import ProgramStopped, run_bounded


def test_the_end_of_a_program(tmp_path: Path) -> None:
    done = run_bounded(
        ["sh", "-c", 'pwd; cat; echo "$X" >&2; exit 7'],
        seconds=10,
        folder=tmp_path,
        environment={"X": "said", "PATH": os.environ["PATH"]},
        given=b"given",
    )

    assert (done.status, done.text, done.error_text) == (7, f"{tmp_path}\ngiven", "said")


def test_only_the_end_of_the_error_stream_is_kept() -> None:
    done = run_bounded(["sh", "-c", "yes no | head -c 3000000 >&2; echo last >&2"], seconds=120)

    assert done.status == 0
    assert len(done.error_output) <= 4000
    assert done.error_text.endswith("no\nlast")


def test_more_input_than_a_pipe_takes_may_stay_unread() -> None:
    assert run_bounded(["true"], seconds=60, given=b"x" * 1_000_000).status == 0


@pytest.mark.slow
def test_a_program_is_ended_with_all_that_it_began(tmp_path: Path) -> None:
    script = f"(sleep 8; touch {tmp_path}/late) & sleep 600"
    began = time.monotonic()
    with pytest.raises(ProgramStopped, match=r"did not end within 0\.5 s") as caught:
        run_bounded(["sh", "-c", script], seconds=0.5)
    assert caught.value.why == "time"
    assert time.monotonic() - began < 60

    with pytest.raises(ProgramStopped, match="printed more than 1 MiB"):
        run_bounded(["yes"], seconds=60)
    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(ProgramStopped, match="was interrupted"):
        run_bounded(["sleep", "60"], seconds=60, cancelled=cancelled)
    time.sleep(max(0.0, began + 9 - time.monotonic()))
    assert not (tmp_path / "late").exists()


def test_one_that_closes_its_output_and_goes_on_is_bounded_too() -> None:
    with pytest.raises(ProgramStopped, match=r"did not end within 0\.5 s"):
        run_bounded(["sh", "-c", "exec >&- 2>&-; sleep 60"], seconds=0.5)


def test_what_is_no_program() -> None:
    with pytest.raises(FileNotFoundError):
        run_bounded(["/no/such/program"], seconds=1)
