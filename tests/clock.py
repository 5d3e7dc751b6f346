"""A clock for tests: waiting takes no time, and is counted."""

from __future__ import annotations

from cookbook.retry import Clock


class FakeClock:
    """A time that goes on by waiting only."""

    def __init__(self) -> None:
        self.time = 0.0
        self.pauses: list[float] = []

    @property
    def clock(self) -> Clock:
        """The clock that the code under test uses."""
        return Clock(lambda: self.time, self.sleep)

    def sleep(self, seconds: float) -> None:
        """Let so many seconds pass."""
        self.pauses.append(seconds)
        self.time += seconds
