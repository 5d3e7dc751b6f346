"""The patterns of cook, for hosts, resources and paths; docs/patterns.md shows them."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Glob:
    """
    A pattern: `*` is any text, `**` any text with slashes in it, `?` one character.

    Brackets mean themselves: `package[*]` is every package.
    """

    text: str
    crosses: bool = True
    """True if `*` and `?` match slashes, too; in paths they do not."""

    def __str__(self) -> str:
        return self.text

    def fits(self, text: str) -> bool:
        """Return True if the pattern matches all of the text."""
        return _compiled(self.text, self.crosses).fullmatch(text) is not None

    def reaches_into(self, path: str) -> bool:
        """Return True if the pattern may match something in this folder."""
        parts, names = self.text.split("/"), path.split("/")
        for part, name in zip(parts, names, strict=False):
            if "**" in part:
                return True
            if not Glob(part, crosses=False).fits(name):
                return False
        return len(parts) > len(names)


def is_glob(text: str) -> bool:
    """Return True if a pattern is no plain name."""
    return "*" in text or "?" in text


@functools.lru_cache(10_000)
def _compiled(glob: str, crosses: bool) -> re.Pattern[str]:  # noqa: FBT001 - a key of the cache
    one = "." if crosses else "[^/]"
    first, *rest = re.split(r"(\*+)", glob)
    parts = [_literal(first, one)]
    for stars, text in zip(rest[::2], rest[1::2], strict=True):
        any_text = ".*?" if crosses or len(stars) > 1 else "[^/]*?"
        parts.append(any_text + _literal(text, one))
    if crosses or "**" not in glob:
        # Where all stars match the same, the first match of each piece is as good as any later
        # one. Atomic groups say so; without them a pattern of many stars takes for ever.
        parts[1:-1] = [f"(?>{part})" for part in parts[1:-1]]
    return re.compile("".join(parts), re.DOTALL)


def _literal(text: str, one: str) -> str:
    return re.escape(text).replace(r"\?", one)
