"""A value of the inventory that knows where it was written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from cookbook.errors import InventoryError
from cookbook.secrets.reference import SecretReference

DEEPEST = 50
"""Levels of nesting: far more than people write, far less than Python's stack."""

MOST_VALUES = 250_000
"""Values once aliases are followed: ten lines of aliases can stand for billions."""

_LONGEST = 60

Kinds = {type(None): "nothing", bool: "a yes or no", int: "a number", float: "a number"}


class Value(NamedTuple):
    """
    A scalar, a list or a mapping.

    `at` is where to look: file:line, or a path into a plugin's data. In a mapping it is the place
    of the key. `written` is a scalar as it stands in the file, such as 010 where `data` is 8.
    """

    data: str | float | bool | list[Value] | dict[str, Value] | SecretReference | None
    at: str
    written: str = ""

    def error(self, message: str, *, hint: str | None = None) -> InventoryError:
        """Return an error about this value, to be raised."""
        return InventoryError(f"{self.at}: {message}", hint=hint)

    def plain(self) -> object:
        """Return the value as plain Python data, with new lists and dictionaries."""
        if isinstance(self.data, list):
            return [item.plain() for item in self.data]
        if isinstance(self.data, dict):
            return {key: item.plain() for key, item in self.data.items()}
        return self.data

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


def not_text(at: str, written: str, kind: str) -> InventoryError:
    """Return the error for a name that is no text: 010, on, 1.10, 2026-01-01."""
    return InventoryError(
        f"{at}: {written or 'an empty name'} is read as {kind}, not as text",
        hint=f'write "{written}", in quotes' if written else None,
    )


def wrap(data: object, at: str, *, depth: int = 0) -> Value:
    """
    Plain data, as a plugin has it, as values; `at` grows along the keys.

    Raises InventoryError for keys that are not text, and for what YAML could not say.
    """
    if depth > DEEPEST:
        raise InventoryError(f"{at}: more than {DEEPEST} levels deep")
    if isinstance(data, Mapping):
        return Value({_key(key, at): _inner(data[key], at, key, depth) for key in data}, at)
    if isinstance(data, list | tuple):
        return Value([_inner(item, at, place, depth) for place, item in enumerate(data)], at)
    if data is None or isinstance(data, str | int | float | SecretReference):
        return Value(data, at, "" if data is None else shown(data))
    raise InventoryError(
        f"{at}: {type(data).__name__} is not a kind of value an inventory has",
        hint="text, numbers, true and false, None, lists and mappings with text keys are",
    )


def _inner(data: object, at: str, step: object, depth: int) -> Value:
    return wrap(data, f"{at}.{step}" if depth else f"{at}: {step}", depth=depth + 1)


def _key(key: object, at: str) -> str:
    if not isinstance(key, str):
        raise not_text(at, shown(key), Kinds.get(type(key), "no text"))
    return key
