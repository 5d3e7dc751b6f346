"""Bent input for everybody who has to understand strangers, for a while; see scripts/fuzz."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest

from cookbook.errors import ProbeError
from tests.fuzzing import Fuzz, Target, bent

ROOT = Path(__file__).parents[1]


def test_it_finds_what_is_wrong_and_says_how_to_make_it_again() -> None:
    def fragile(data: bytes, _: random.Random) -> None:
        if b"\0" in data:
            raise ZeroDivisionError
        raise ProbeError("as it should be")

    fuzz = Fuzz([Target("fragile", [b"some text"], fragile)], seed=7)
    fuzz.run(seconds=5, most=500)

    [(what, text)] = fuzz.findings.items()
    assert what.startswith("fragile: ZeroDivisionError at test_fuzz.py:")
    seed = text.split("seed ")[1].split(",")[0]
    rng = random.Random(seed)  # noqa: S311 - to be made again
    assert b"\0" in bent(rng.choice([b"some text"]), rng)


@pytest.mark.slow
def test_nobody_falls_over_bent_input() -> None:
    """As CI runs it: with another seed each time, which it says."""
    done = subprocess.run(
        [ROOT / "scripts/fuzz", "--seconds", "15"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 findings" in done.stdout
