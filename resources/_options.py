"""Options of a tool that a recipe gives as one text, or word by word."""

from __future__ import annotations

import shlex
from collections.abc import Sequence


def option_words(given: str | Sequence[str]) -> tuple[str, ...]:
    """
    Return options word by word; a text is split as a shell does.

    >>> option_words("-o 'A::B=c d'")
    ('-o', 'A::B=c d')
    """
    return tuple(shlex.split(given) if isinstance(given, str) else given)
