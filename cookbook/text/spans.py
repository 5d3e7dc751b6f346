"""Spans of time as people read and write them."""

from __future__ import annotations

import re

_WRITTEN = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_READ = ((120, 1, "s"), (7200, 60, "min"), (172800, 3600, "h"))


def span_of(seconds: float) -> str:
    """
    Return a span of time in one unit.

    >>> span_of(90), span_of(7199), span_of(7200), span_of(200_000)
    ('90 s', '119 min', '2 h', '2 days')
    """
    for limit, unit, name in _READ:
        if seconds < limit:
            return f"{max(0, int(seconds / unit))} {name}"
    return f"{int(seconds / 86400)} days"


def seconds_of(text: str) -> float:
    """
    Return a span of time in seconds. Raises ValueError.

    >>> seconds_of("15m"), seconds_of("1d")
    (900.0, 86400.0)
    """
    found = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)([smhdw])", text)
    if found is None:
        raise ValueError("a number and s, m, h, d or w, e.g. 90s, 15m, 12h, 1d")
    return float(found[1]) * _WRITTEN[found[2]]
