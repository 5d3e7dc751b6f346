"""Spans of time as people read them."""

from __future__ import annotations

_UNITS = ((120, 1, "s"), (7200, 60, "min"), (172800, 3600, "h"))


def span_of(seconds: float) -> str:
    """
    Return a span of time in one unit.

    >>> span_of(90), span_of(7199), span_of(7200), span_of(200_000)
    ('90 s', '119 min', '2 h', '2 days')
    """
    for limit, unit, name in _UNITS:
        if seconds < limit:
            return f"{max(0, int(seconds / unit))} {name}"
    return f"{int(seconds / 86400)} days"
