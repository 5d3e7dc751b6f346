"""The time in which a host has to stay healthy: a look at it that fails is told."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from cookbook.inventory import Host
from cookbook.rollout.events import Event, TriedAgain
from cookbook.rollout.strategy import Strategy
from cookbook.rollout.worker import Result, Worker
from tests.clock import FakeClock


def looks(*said: str | None, stays: float) -> tuple[Result, list[str]]:
    """Return the result for a host with these answers (the last one stays), and what is told."""
    answers, events, clock = list(said), list[Event](), FakeClock()

    def complaint(*_: object) -> str | None:
        return answers.pop(0) if len(answers) > 1 else answers[0]

    worker: Any = SimpleNamespace(
        health=SimpleNamespace(complaint=complaint), clock=clock.clock, stopping=lambda: False
    )
    strategy = Strategy(min_healthy_time=stays, healthy_deadline=60, check_interval=1)
    result = Worker._until_healthy(worker, Host("h1"), strategy, events.append, changed=True)
    return result, [event.reason for event in events if isinstance(event, TriedAgain)]


def test_a_host_that_cannot_be_reached_while_it_has_to_stay_healthy_is_told() -> None:
    away = "cannot be reached: no route to host"

    result, told = looks(None, None, away, None, None, away, away, None, stays=5)

    assert result.outcome == "done"
    assert told == [away, away]


def test_one_that_needs_a_moment_to_become_healthy_is_not() -> None:
    result, told = looks("starting", "starting", None, stays=2)

    assert result.outcome == "done"
    assert told == []
