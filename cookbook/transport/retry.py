"""The number and the pauses of attempts to connect to a busy sshd."""

from __future__ import annotations

import random
import time

_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 2.0
"""Seconds between two attempts, about; each pause is twice as long as the one before."""


def may_knock_again(attempts: int, deadline: float) -> bool:
    """Return whether there is time for one more attempt, after the pause for so many."""
    pause = min(2 ** (attempts - 1) * _FIRST_PAUSE, _LONGEST_PAUSE)
    wait = pause * random.uniform(0.5, 1.0)  # noqa: S311 - to come apart, not to hide
    if time.monotonic() + wait >= deadline:
        return False
    time.sleep(wait)
    return True
