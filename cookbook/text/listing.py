"""Names in a sentence: the first few, and the number of the others."""

from __future__ import annotations

from collections.abc import Sequence


def named(names: Sequence[str], most: int) -> str:
    """
    Return some names and the number of the others.

    >>> named(["a", "b"], 2), named(["a", "b", "c"], 2)
    ('a, b', 'a, b and 1 more')
    """
    left = len(names) - most
    return f"{', '.join(names[:most])}{f' and {left} more' if left > 0 else ''}"
