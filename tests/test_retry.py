"""Pauses grow to their limit; tries end with the time, the pauses, or a request to stop."""

from __future__ import annotations

import itertools
import subprocess
import sys

import pytest

from cookbook.retry import Retry, growing, wait
from tests.clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def test_pauses_grow_to_their_limit_and_stay_there() -> None:
    assert list(itertools.islice(growing(2, 4, 60), 5)) == [2, 8, 32, 60, 60]
    assert list(itertools.islice(growing(1), 3)) == [1, 1, 1]


def test_after_a_thousand_doublings_a_pause_is_still_a_number() -> None:
    *_, last = itertools.islice(growing(0.2, 2, 9), 3000)
    assert last == 9


def test_pauses_that_are_spread_differ_and_keep_to_their_bounds() -> None:
    drawn = list(itertools.islice(growing(4, spread=0.5), 200))
    assert all(2 < pause <= 4 for pause in drawn)
    assert len(set(drawn)) > 100


def test_the_last_pause_is_cut_for_a_try_at_the_end(clock: FakeClock) -> None:
    tries = Retry(growing(1), 2.5, clock=clock.clock)
    assert [tries.again() for _ in range(5)] == [True, True, True, False, False]
    assert clock.pauses == [1, 1, 0.5]


def test_an_end_may_be_so_many_seconds_from_now(clock: FakeClock) -> None:
    clock.time = 100
    tries = Retry(growing(1), within=1.5, clock=clock.clock)
    assert [tries.again() for _ in range(3)] == [True, True, False]
    assert clock.time == 101.5


def test_a_try_that_needs_time_is_not_made_without_any(clock: FakeClock) -> None:
    tries = Retry(growing(1), 2.5, hurried=False, clock=clock.clock)
    assert [tries.again() for _ in range(3)] == [True, True, False]
    assert clock.pauses == [1, 1]


def test_there_is_one_try_more_than_there_are_pauses(clock: FakeClock) -> None:
    tries = Retry((1, 3), clock=clock.clock)
    assert [tries.again() for _ in range(3)] == [True, True, False]


def test_a_request_to_stop_ends_a_long_pause_soon(clock: FakeClock) -> None:
    assert not wait(60, lambda: clock.time > 3, clock.clock)
    assert 3 < clock.time <= 4
    assert not Retry((60,), stopping=lambda: True, clock=clock.clock).again()
    assert wait(60, lambda: False, clock.clock)


def test_the_clock_of_the_process_is_looked_up_when_it_is_used(
    clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cookbook.retry.CLOCK", clock.clock)
    assert wait(1000)
    assert clock.time == 1000


def test_it_costs_nothing_at_start_up() -> None:
    text = "import sys, cookbook.retry; print('asyncio' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert told.stdout == "False\n"
