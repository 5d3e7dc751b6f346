"""
Repeated tries: the pauses between them, and what ends them.

tenacity does the same. It costs 20 to 40 ms at start-up (the command line itself 7 ms), because it
imports asyncio, and its deadlines read time.monotonic(), so a test cannot replace the clock.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

_NAP = 0.5
"""Seconds between two checks whether the user has requested a stop."""


@dataclass(frozen=True)
class Clock:
    """A source of time that never goes back, and a way to wait; a test has another one."""

    now: Callable[[], float] = time.monotonic
    """Returns seconds; only differences have a meaning."""

    sleep: Callable[[float], object] = time.sleep
    """Waits this number of seconds."""


CLOCK = Clock()
"""The clock of this process, unless a caller gives another one."""


def growing(
    first: float, factor: float = 1.0, longest: float = float("inf"), spread: float = 0.0
) -> Iterator[float]:
    """
    Yield pauses in seconds without end; each is `factor` times as long as the one before.

    `spread` is the largest part of a pause that is left out at random, so that many clients of one
    server do not all come back at the same time.
    """
    pause = first
    while True:
        yield pause * (1 - spread * random.random())  # noqa: S311 - to come apart, not to hide
        pause = min(pause * factor, longest)


class Retry:
    """The tries of one thing. The first is made at once; `again` precedes each further one."""

    def __init__(
        self,
        pauses: Iterable[float],
        end: float | None = None,
        *,
        within: float | None = None,
        hurried: bool = True,
        stopping: Callable[[], bool] | None = None,
        clock: Clock | None = None,
    ) -> None:
        """
        Create the tries: one more than there are pauses, none after `end` on the clock.

        `within` is the same end in seconds from now. A pause that reaches the end is cut for one
        last try there; not if `hurried` is False: a try that needs time is not made without any.
        `stopping` returns whether to give up.
        """
        self._pauses = iter(pauses)
        self._hurried = hurried
        self._stopping = stopping
        self._clock = clock or CLOCK
        latest = float("inf") if within is None else self._clock.now() + within
        self._end = latest if end is None else min(end, latest)

    def again(self) -> bool:
        """Wait, and return True if there is one more try; False, at once if that is known."""
        pause = next(self._pauses, None)
        left = self._end - self._clock.now()
        if pause is None or left <= 0 or (pause >= left and not self._hurried):
            return False
        return wait(min(pause, left), self._stopping, self._clock)


def wait(
    seconds: float, stopping: Callable[[], bool] | None = None, clock: Clock | None = None
) -> bool:
    """Wait; return False, early, if a stop is requested meanwhile."""
    clock = clock or CLOCK
    if stopping is None:
        clock.sleep(max(0.0, seconds))
        return True
    end = clock.now() + seconds
    while not stopping():
        if (left := end - clock.now()) <= 0:
            return True
        clock.sleep(min(left, _NAP))
    return False
