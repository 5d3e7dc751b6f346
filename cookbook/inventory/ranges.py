"""Ranges in names: web[01:20] is twenty names."""

from __future__ import annotations

import math
import re
from itertools import product

MOST = 100_000
"""Names that one pattern, and one inventory, may stand for: a typo must not fill the memory."""

_BRACKETS = re.compile(r"\[([^][]*)\]")
_RANGE = re.compile(r"([0-9]{1,9}|[a-z]|[A-Z]):([0-9]{1,9}|[a-z]|[A-Z])(?::([0-9]{1,9}))?")


def expand(pattern: str) -> list[str]:
    """
    All names the pattern stands for, the leftmost range turning slowest; itself if it has none.

    Both ends belong to the range. A leading zero keeps the width: [08:11] is 08 09 10 11.

    Raises ValueError with a sentence for people.
    """
    if "[" not in pattern and "]" not in pattern:
        return [pattern]
    texts, spans = _parts(pattern)
    count = math.prod(len(span) for span in spans)
    if count > MOST:
        raise ValueError(f"{pattern!r} stands for {count:,} names; at most {MOST:,} are allowed")
    formats = [_format(inside) for inside in _BRACKETS.findall(pattern)]
    return [
        texts[0] + "".join(map(_join, formats, numbers, texts[1:])) for numbers in product(*spans)
    ]


def _parts(pattern: str) -> tuple[list[str], list[range]]:
    pieces = _BRACKETS.split(pattern)
    texts = pieces[::2]
    if any("[" in text or "]" in text for text in texts):
        raise ValueError(f"{pattern!r} has a bracket without its partner")
    return texts, [_span(inside) for inside in pieces[1::2]]


def _span(inside: str) -> range:
    found = _RANGE.fullmatch(inside)
    if found is None:
        raise ValueError(f"[{inside}] is not a range like [1:9], [01:20], [1:9:2] or [a:d]")
    first, last, step = found[1], found[2], int(found[3] or 1)
    if _kind(first) != _kind(last):
        raise ValueError(f"[{inside}] goes from one kind of character to another")
    if first.isdigit() and _padded(first, last) and len(first) != len(last):
        raise ValueError(f"[{inside}] has a leading zero, so both ends need the same width")
    if step == 0:
        raise ValueError(f"[{inside}] has a step of 0")
    low, high = _number(first), _number(last)
    if low > high:
        raise ValueError(f"[{inside}] runs backwards")
    return range(low, high + 1, step)


def _kind(end: str) -> str:
    if end.isdigit():
        return "number"
    return "lower" if end.islower() else "upper"


def _padded(*ends: str) -> bool:
    return any(len(end) > 1 and end.startswith("0") for end in ends)


def _number(end: str) -> int:
    return int(end) if end.isdigit() else ord(end)


def _format(inside: str) -> str:
    first, last = inside.split(":")[:2]
    if not first.isdigit():
        return "c"
    return f"0{len(first)}d" if _padded(first, last) else "d"


def _join(form: str, number: int, text: str) -> str:
    return format(number, form) + text
