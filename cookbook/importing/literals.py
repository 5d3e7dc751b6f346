"""Values of properties as Python text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cookbook.importing.declaration import Raw

WIDTH = 100
"""Columns of a recipe."""

_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def literal(value: Any, indent: int = 0) -> str:
    """
    Return the Python text of a value, `indent` blanks before its further lines.

    >>> print(literal('say "hi"'))
    'say "hi"'
    >>> literal(["a", 1])
    '["a", 1]'
    """
    if isinstance(value, Raw):
        return value.text
    if isinstance(value, str):
        return _text(value, indent)
    if isinstance(value, Mapping):
        pairs = (f"{literal(key)}: {literal(one)}" for key, one in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(literal(one) for one in value) + "]"
    return repr(value)


def _text(value: str, indent: int) -> str:
    lines = value.splitlines(keepends=True)
    if len(lines) < 2 or not indent:
        return _quoted(value)
    inner = " " * (indent + 4)
    parts = "\n".join(f"{inner}{_quoted(line)}" for line in lines)
    return f"(\n{parts}\n{' ' * indent})"


def _quoted(text: str) -> str:
    mark = "'" if '"' in text and "'" not in text else '"'
    return mark + "".join(_escaped(char, mark) for char in text) + mark


def _escaped(char: str, mark: str) -> str:
    if char == mark:
        return f"\\{mark}"
    return _ESCAPES.get(char) or (char if char.isprintable() else repr(char)[1:-1])


def call(kind: str, name: str, properties: Mapping[str, Any], *, one_line: bool = False) -> str:
    """Return the text of a declaration: on one line if it fits, else a property on each."""
    words = [literal(name)]
    plain = [*words, *(f"{key}={literal(value)}" for key, value in properties.items())]
    text = f"{kind}({', '.join(plain)})"
    texts = [one for one in properties.values() if isinstance(one, str)]
    fits = len(text) <= WIDTH and not any(one.count("\n") > 1 for one in texts)
    if one_line or fits:
        return text
    lines = [*words, *(f"{key}={literal(value, 4)}" for key, value in properties.items())]
    return f"{kind}(\n" + "".join(f"    {line},\n" for line in lines) + ")"
