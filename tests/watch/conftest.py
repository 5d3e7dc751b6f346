"""Turns that take the time that a test says, on a clock of the test."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from cookbook.retry import Clock
from cookbook.watch.loop import WatchListener, WatchLoop
from cookbook.watch.settings import WatchGroup, WatchMode, WatchSettings
from cookbook.watch.turn import TurnResult

MONDAY = 1_796_000_400.0 - 1_796_000_400.0 % 86_400
"""2026-11-30, a Monday, at midnight in UTC."""


def document(mode: WatchMode = "drift", **hosts: Any) -> Any:
    """Return a document of a run; a host is its status, or the ids of what is not in line."""
    found: dict[str, Any] = {}
    for name, said in hosts.items():
        ids = said if isinstance(said, list) else []
        cause = "drift" if mode == "drift" else None
        resources = [
            {
                "id": one,
                "where": "r.py:1",
                "status": "changed",
                "kind": "update",
                "cause": cause,
                "excused": None,
                "error": None,
            }
            for one in ids
        ]
        status = "changed" if ids else said
        error = None
        if status == "locked":
            status = "refused"
        if status in ("failed", "unreachable", "refused"):
            error = {
                "kind": "HostError",
                "code": "locked" if said == "locked" else "unreachable",
                "phase": "connect",
                "message": "no route to host",
                "command": None,
                "status": None,
                "output": "",
                "cause": None,
                "hint": None,
            }
        found[name] = {
            "status": status if status != [] else "ok",
            "began": 0.0,
            "seconds": 1.0,
            "exchanges": 2,
            "error": error,
            "machine_id": "",
            "in_line": 100.0,
            "resources": resources,
        }
    return {
        "schema": 1,
        "run": "r",
        "mode": mode,
        "exit": 0,
        "seconds": 1.0,
        "hosts": found,
        "totals": {"ok": 3, "changed": 0},
        "in_line": 100.0,
    }


@dataclass
class FakeTurn:
    """A turn that ends at a time, or soon after it was told to."""

    group: WatchGroup
    mode: WatchMode
    began: float
    ends: float
    now: Callable[[], float]
    stops: list[float] = field(default_factory=list)

    def result(self, now: float) -> TurnResult | None:
        """Return the result when it is time."""
        if now < min(self.ends, *(stop + 1 for stop in self.stops or [float("inf")])):
            return None
        told = document(self.mode, web1="ok")
        return TurnResult(self.group.name, self.mode, self.began, now - self.began, 0, told)

    def stop(self) -> None:
        """Note when it was told."""
        self.stops.append(self.now())


@dataclass
class FakeWatch(WatchListener):
    """A loop with a clock of its own, and what has happened in it."""

    settings: WatchSettings
    takes: dict[str, float] = field(default_factory=dict)
    """Seconds that the turns of a group take; 1 without."""
    at: dict[float, Callable[[], object]] = field(default_factory=dict)
    """What happens when so many seconds are over."""
    begin: float = MONDAY
    time: float = MONDAY
    events: list[tuple[float, str]] = field(default_factory=list)
    turns: list[FakeTurn] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    states: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    later: WatchSettings | Exception | None = None

    def loop(self, *, once: bool = False, others: Sequence[WatchListener] = ()) -> WatchLoop:
        """Return the loop."""
        clock = Clock(lambda: self.time, self._sleep)
        return WatchLoop(
            self.settings,
            self._start,
            [self, *others],
            self.lines.append,
            self._reload,
            clock,
            once=once,
        )

    def run(self, seconds: float) -> list[tuple[float, str]]:
        """Work for so long, then stop; return what has happened, in seconds from the begin."""
        loop = self.loop()
        self.at[seconds] = loop.stop
        loop.run()
        return self.events

    def _reload(self) -> WatchSettings:
        if isinstance(self.later, Exception):
            raise self.later
        return self.later or self.settings

    def _sleep(self, seconds: float) -> None:
        self.time += seconds
        for when in [when for when in self.at if self.begin + when <= self.time]:
            self.at.pop(when)()

    def _start(self, group: WatchGroup, mode: WatchMode, now: float) -> FakeTurn:
        ends = now + self.takes.get(group.name, 1.0)
        turn = FakeTurn(group, mode, now, ends, lambda: self.time)
        self.turns.append(turn)
        return turn

    def _note(self, what: str) -> None:
        self.events.append((self.time - self.begin, what))

    def began(self, group: WatchGroup, mode: str) -> None:
        """Note it."""
        self._note(f"{group.name} {mode}")

    def skipped(self, group: WatchGroup, count: int) -> None:
        """Note it."""
        self._note(f"{group.name} skips {count}")

    def ended(self, result: TurnResult) -> None:
        """Note it."""
        self._note(f"{result.group} ended")
        if result.error:
            self.errors.append(result.error)

    def tick(self, state: str) -> None:
        """Note a new state."""
        if self.states[-1:] != [state]:
            self.states.append(state)


@pytest.fixture
def group() -> Callable[..., WatchGroup]:
    """Make a group of a name."""

    def make(name: str, **told: Any) -> WatchGroup:
        return WatchGroup(name=name, at="watch.yml:1", limit=name, **told)

    return make
