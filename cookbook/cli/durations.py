"""Spans of time as people type and read them: 90m, 12h, 7d, 2w."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime, timedelta

from cookbook.text.spans import seconds_of, span_of

_LONGEST = 36500 * 86400


def span(text: str) -> timedelta:
    """
    Return a span of time, for argparse.

    >>> span("90m"), span("2w")
    (datetime.timedelta(seconds=5400), datetime.timedelta(days=14))
    """
    try:
        seconds = seconds_of(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no span of time; give a number and s, m, h, d or w, e.g. 90m, 12h, 7d, 2w"
        ) from None
    if seconds > _LONGEST:
        raise argparse.ArgumentTypeError(f"{text!r} is longer than a hundred years")
    return timedelta(seconds=seconds)


def local(stamp: str) -> str:
    """
    Return a time of a run in the local time zone: `2026-05-01 14:00`; any other text unchanged.

    >>> local("yesterday")
    'yesterday'
    """
    try:
        return datetime.fromisoformat(stamp).astimezone().strftime("%Y-%m-%d %H:%M")
    except (ValueError, OverflowError):
        return stamp


_SKEW = 60.0
"""Seconds by which the clocks of two operators may differ, unsaid."""


def ago(stamp: str, now: datetime | None = None) -> str:
    """
    Return the time since then, in one unit; that until then, if a clock was or is wrong.

    >>> ago("2026-05-01T12:00:00Z", datetime.fromisoformat("2026-05-01T13:59:00Z"))
    '119 min ago'
    >>> ago("2026-05-01T14:00:00Z", datetime.fromisoformat("2026-05-01T12:00:00Z"))
    'in 2 h'
    """
    try:
        seconds = ((now or datetime.now(UTC)) - datetime.fromisoformat(stamp)).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return ""
    return f"in {span_of(-seconds)}" if seconds < -_SKEW else f"{span_of(seconds)} ago"
