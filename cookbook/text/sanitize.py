"""
Text of others, made harmless: what it could do to a terminal or a reader is shown, not done.

Hosts, recipes, inventories and plan files can say anything. Whatever of it is printed goes
through here: control characters (ECMA-48) could drive the terminal, marks of direction have a
line read otherwise than it is ("Trojan source"), and both could hide what has happened. Each
format of `reports/` escapes besides what means something in it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from cookbook.text.redaction import protect


def visible(text: str) -> str:
    """Return text that can be encoded: a surrogate (PEP 383) stands for a byte that is no UTF-8."""
    if text.isascii():
        return text
    return text.encode("utf-8", "backslashreplace").decode().replace("\\udc", "\\x")


def clean(text: str) -> str:
    """Lines of text that can do nothing, and tell no secret."""
    return visible(protect(text)).translate(_SHOWN)


def one_line(text: str) -> str:
    """Return the text on a single line, so that it cannot imitate another line of output."""
    return clean(text).replace("\n", "\\n")


def json_text(document: object) -> str:
    """
    Return JSON that a terminal can show: the same values, with what could do something escaped.

    The outer levels are indented; what is deeper stands on one line, as the document of a large run
    takes long otherwise.
    """
    # Not all lines at once: before they are joined they need several times the memory of the text.
    lines, pieces = _json_lines(document, 0), list[str]()
    while piece := "".join(islice(lines, _LINES_AT_ONCE)):
        shown = piece.translate(_IN_JSON)
        pieces.append(shown.encode("utf-8", "backslashreplace").decode())
    return "".join(pieces)


_LINES_AT_ONCE = 10_000

_INDENTED = 4
"""Levels of a document that are indented: of a run, its hosts, one host, and its resources."""


@functools.cache
def _encoded() -> Callable[[object], str]:
    import json

    return json.JSONEncoder(ensure_ascii=False).encode


def _json_lines(value: object, level: int) -> Iterator[str]:
    encoded = _encoded()
    items: Sequence[tuple[str, object]]
    match value:
        case dict() if value and level < _INDENTED:
            items = [(f"{encoded(str(key))}: ", v) for key, v in value.items()]
            opening, closing = "{", "}"
        case list() | tuple() if value and level < _INDENTED:
            items = [("", v) for v in value]
            opening, closing = "[", "]"
        case _:
            yield encoded(value)
            return
    for number, (key, item) in enumerate(items):
        yield f"{',' if number else opening}\n{'  ' * (level + 1)}{key}"
        yield from _json_lines(item, level + 1)
    yield f"\n{'  ' * level}{closing}"


_CONTROLS = (*range(9), *range(11, 32), *range(127, 160))
_DIRECTIONS = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_LINES = (0x2028, 0x2029)
_UNSEEN = (0x200B, 0x2060, 0xFEFF, *range(0xFFF9, 0xFFFC), *range(0xE0000, 0xE0080))

_SHOWN = {n: f"\\x{n:02x}" for n in _CONTROLS}
_SHOWN |= {n: f"\\u{n:04x}" for n in (*_DIRECTIONS, *_LINES, *_UNSEEN) if n < 0x10000}
_SHOWN |= {n: f"\\U{n:08x}" for n in _UNSEEN if n >= 0x10000}
"""Tab and newline are left; everything else that is not to be seen is written out."""

_IN_JSON = {n: f"\\u{n:04x}" for n in (*range(127, 160), *_DIRECTIONS, *_LINES, *_UNSEEN)}
_IN_JSON |= {n: f"\\udb40\\u{n - 0xE0000 + 0xDC00:04x}" for n in _UNSEEN if n >= 0x10000}
