"""A value of a YAML file that knows where it was written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from cookbook.errors import InputError

DEEPEST = 50
"""Levels of nesting: far more than people write, far less than Python's stack."""

MOST_VALUES = 250_000
"""Values once aliases are followed: ten lines of aliases can stand for billions."""

_LONGEST = 60

_OCTAL = re.compile(r"[-+]?0[0-7_]+")
_DOUBTFUL = frozenset({"yes", "no", "on", "off"})

Kinds = {type(None): "nothing", bool: "a yes or no", int: "a number", float: "a number"}


class Tagged:
    """A value that a tag such as `!secret` makes."""

    __slots__ = ()


class Value(NamedTuple):
    """
    A scalar, a list or a mapping.

    `at` is where to look: file:line, or a path into a plugin's data. In a mapping it is the place
    of the key. `written` is a scalar as it stands in the file, such as 010 where `data` is 8.
    `raises` is the type of its errors.
    """

    data: str | float | bool | list[Value] | dict[str, Value] | Tagged | None
    at: str
    written: str = ""
    raises: type[InputError] = InputError

    def error(self, message: str, *, hint: str | None = None) -> InputError:
        """Return an error about this value, to be raised."""
        return self.raises(f"{self.at}: {message}", hint=hint)

    def plain(self, warnings: list[str] | None = None) -> object:
        """
        Return the value as plain Python data, with new lists and dictionaries.

        `warnings` gets a sentence about each yes, no, on or off inside: YAML 1.1 reads these as
        true and false. Raises the error of the value for a number that is surely meant as text:
        YAML 1.1 reads 0644 as 420 and 12:30:45 as 45045.
        """
        match self.data:
            case list():
                return [item.plain(warnings) for item in self.data]
            case dict():
                return {key: item.plain(warnings) for key, item in self.data.items()}
            case bool():
                if warnings is not None and self.written.lower() in _DOUBTFUL:
                    warnings.append(
                        f"{self.at}: {self.written} is read as {shown(self.data)}; write that, or"
                        f' "{self.written}" in quotes for text'
                    )
            case int() | float():
                self._check_number()
        return self.data

    def _check_number(self) -> None:
        octal = _OCTAL.fullmatch(self.written)
        if octal or ":" in self.written:
            base = "octal" if octal else "base 60, as a time"
            raise self.error(
                f"{self.written} is read as {self.data} ({base}, YAML 1.1)",
                hint=f'write "{self.written}" in quotes for text, or {self.data} for the number',
            )

    def __str__(self) -> str:
        if isinstance(self.data, list):
            return "a list"
        if isinstance(self.data, dict):
            return "a mapping"
        return shown(self.data) if isinstance(self.data, str) else self.written or "nothing"


def shown(data: object) -> str:
    """Plain data as a reader of YAML expects to see it, on one short line."""
    names = {None: "null", True: "true", False: "false"}
    if data is None or isinstance(data, bool):
        return names[data]
    text = repr(data)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def not_text(at: str, written: str, kind: str, raises: type[InputError]) -> InputError:
    """Return the error for a name that is no text: 010, on, 1.10, 2026-01-01."""
    return raises(
        f"{at}: {written or 'an empty name'} is read as {kind}, not as text",
        hint=f'write "{written}", in quotes' if written else None,
    )


def wrap(data: object, at: str, raises: type[InputError], *, depth: int = 0) -> Value:
    """
    Return plain data, as a plugin has it, as values; `at` grows along the keys.

    Raises `raises` for keys that are not text, and for what YAML could not say.
    """
    if depth > DEEPEST:
        raise raises(f"{at}: more than {DEEPEST} levels deep")
    if isinstance(data, Mapping):
        entries = {_key(key, at, raises): data[key] for key in data}
        inner = {key: _inner(item, at, key, raises, depth) for key, item in entries.items()}
        return Value(inner, at, "", raises)
    if isinstance(data, list | tuple):
        items = [_inner(item, at, place, raises, depth) for place, item in enumerate(data)]
        return Value(items, at, "", raises)
    if data is None or isinstance(data, str | int | float | Tagged):
        return Value(data, at, "" if data is None else shown(data), raises)
    raise raises(
        f"{at}: {type(data).__name__} is not a kind of value an inventory has",
        hint="text, numbers, true and false, None, lists and mappings with text keys are",
    )


def _inner(data: object, at: str, step: object, raises: type[InputError], depth: int) -> Value:
    return wrap(data, f"{at}.{step}" if depth else f"{at}: {step}", raises, depth=depth + 1)


def _key(key: object, at: str, raises: type[InputError]) -> str:
    if not isinstance(key, str):
        raise not_text(at, shown(key), Kinds.get(type(key), "no text"), raises)
    return key
