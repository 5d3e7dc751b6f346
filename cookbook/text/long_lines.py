"""Long lines of a diff, for reading: what is equal in both lines is left out, and counted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

LONGEST = 400
"""Characters of a line that is shown whole."""

_AROUND = 60
"""Characters that are shown before and after what differs."""

MOST_NEW = 2000
"""Characters that differ and are shown whole, if all that differs need not be shown."""

_ENDS = 500
"""Characters at each end of more than that."""

_MOST_PAIRS = 100_000
"""Equal words of both lines, each with each: what difflib looks at."""

_LIKE = 3
"""Lines are compared if more than one of so many words is in both."""

_WORD = re.compile(r"\w+[^\w]*|[^\w]+")
"""A word with the signs after it, since signs alone are too many to be compared."""

_POPULAR = 100
"""A word that is more than one of so many is no place to begin at, as for difflib."""

LinePart = tuple[bool, str]
"""A part of a line, and whether it is equal in the other one."""


def shortened(lines: Sequence[str], *, whole: bool) -> list[str]:
    """
    Return the lines of a unified diff, the long ones with less of what does not differ.

    `whole` says that all that differs is shown: what is approved must not be cut. Otherwise more
    than 2,000 characters of it are cut in the middle. Each cut tells how many characters it is.
    """
    shown = list(lines)
    long = [number for number, line in enumerate(lines) if len(line) > LONGEST and number > 1]
    known: set[int] = set()
    for number in long:
        if number in known:
            continue
        known.add(number)
        sign, text = lines[number][:1], lines[number][1:]
        if sign not in ("-", "+"):
            shown[number] = sign + _equal(text)
            continue
        other = _partner(lines, number, known) if sign == "-" else None
        if other is None:
            shown[number] = sign + _differing(text, whole=whole)
            continue
        known.add(other)
        found, wanted = _pieces(text, lines[other][1:])
        shown[number] = sign + _written(found, whole=whole)
        shown[other] = "+" + _written(wanted, whole=whole)
    return shown


def _partner(lines: Sequence[str], number: int, known: set[int]) -> int | None:
    """Return the added line of the same hunk that is most like a removed one; None without one."""
    words = Counter(_WORD.findall(lines[number][1:]))
    best, most = None, words.total() // _LIKE
    for other in range(number + 1, len(lines)):
        line = lines[other]
        if line[:1] not in ("-", "+", "\\"):
            break
        if line[:1] == "+" and other not in known:
            alike = (words & Counter(_WORD.findall(line[1:]))).total()
            if alike > most:
                best, most = other, alike
    return best


def _ends(one: str, other: str) -> tuple[int, int]:
    """Return the number of characters that are equal at the start, and at the end after them."""
    head = _equal_until(one, other)
    rest = min(len(one), len(other)) - head
    return head, _equal_until(one[::-1][:rest], other[::-1][:rest])


def _equal_until(one: str, other: str) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def _pieces(found: str, wanted: str) -> tuple[list[LinePart], list[LinePart]]:
    """Return the parts of two lines, by whether they are equal in both."""
    head, tail = _ends(found, wanted)
    one, other = found[head : len(found) - tail], wanted[head : len(wanted) - tail]
    old: list[LinePart] = [(True, found[:head])]
    new: list[LinePart] = [(True, wanted[:head])]
    for is_equal, left, right in _blocks(_WORD.findall(one), _WORD.findall(other)):
        old.append((is_equal, left))
        new.append((is_equal, right))
    last = (True, found[len(found) - tail :])
    return [*old, last], [*new, last]


def _blocks(found: Sequence[str], wanted: Sequence[str]) -> Iterator[tuple[bool, str, str]]:
    counts = Counter(wanted)
    most = max(_POPULAR, len(wanted)) // _POPULAR + 1
    if sum(counts[word] for word in found if counts[word] <= most) > _MOST_PAIRS:
        yield False, "".join(found), "".join(wanted)
        return
    import difflib  # only where a long line differs

    compare = difflib.SequenceMatcher(None, found, wanted)
    for kind, a, b, c, d in compare.get_opcodes():
        yield kind == "equal", "".join(found[a:b]), "".join(wanted[c:d])


def _written(pieces: Sequence[LinePart], *, whole: bool) -> str:
    return "".join(
        _equal(text) if is_equal else _differing(text, whole=whole) for is_equal, text in pieces
    )


def _equal(text: str) -> str:
    """Return equal text without its middle; its ends say where in the line a difference is."""
    left = len(text) - 2 * _AROUND
    if left <= _AROUND:
        return text
    return f"{text[:_AROUND]}[... {left:,} equal characters ...]{text[-_AROUND:]}"


def _differing(text: str, *, whole: bool) -> str:
    if whole or len(text) <= MOST_NEW:
        return text
    left = len(text) - 2 * _ENDS
    told = f"[... {left:,} characters that differ are not shown; -v shows them ...]"
    return f"{text[:_ENDS]}{told}{text[-_ENDS:]}"
