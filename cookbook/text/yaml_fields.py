"""Readers for the entries of a YAML file: mappings with known keys, lists, texts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TypeVar

from cookbook.text.spans import seconds_of
from cookbook.text.suggest import did_you_mean
from cookbook.text.yaml_value import Value

T = TypeVar("T")

_NUMBER = re.compile(r"(0|[1-9][0-9]{0,8})(\.[0-9]{1,9})?")
"""Not 010 and 1:30, which YAML 1.1 reads as 8 and 90."""


def keys(value: Value, *known: str) -> Mapping[str, Value]:
    """Return the entries of a mapping. Raises the error of the value for an unknown key."""
    if not isinstance(value.data, dict):
        raise value.error(f"a mapping is expected here, not {value}", hint=", ".join(known))
    for key, inner in value.data.items():
        if key not in known:
            near = did_you_mean(key, known)
            raise inner.error(f"there is no {key!r} here", hint=near or f"but {', '.join(known)}")
    return value.data


def each(value: Value | None, read: Callable[[Value], T]) -> tuple[T, ...]:
    """Return the items of a list, each read by the function; none if there is no value."""
    if value is None:
        return ()
    if not isinstance(value.data, list):
        raise value.error(f"a list is expected here, not {value}")
    return tuple(read(item) for item in value.data)


def several(value: Value, read: Callable[[Value], T]) -> tuple[T, ...]:
    """Return the items of a list, or the value alone, each read by the function."""
    return each(value, read) if isinstance(value.data, list) else (read(value),)


def texts(value: Value) -> tuple[str, ...]:
    """Return one text, or those of a list."""
    return several(value, text)


def text(value: Value) -> str:
    """Return a text that is not empty."""
    if not isinstance(value.data, str) or not value.data:
        raise value.error(f"text is expected here, not {value}")
    return value.data


def flag(value: Value) -> bool:
    """Return true or false."""
    if not isinstance(value.data, bool):
        raise value.error(f"true or false is expected here, not {value}")
    return value.data


def whole(value: Value, least: int | None = None) -> int:
    """Return a whole number, of at least so much."""
    if type(value.data) is not int or (least is not None and value.data < least):
        above = "" if least is None else f" from {least}"
        raise value.error(f"a whole number{above} is expected here, not {value}")
    return value.data


def seconds(value: Value) -> float:
    """Return a span of time in seconds: `90s`, `15m`."""
    try:
        return seconds_of(_written(value))
    except ValueError as error:
        raise value.error(f"{value} is no span of time", hint=str(error)) from None


def seconds_or_number(value: Value) -> float:
    """Return a span of time in seconds: `15m`, or a number of seconds."""
    return float(said) if _NUMBER.fullmatch(said := _written(value)) else seconds(value)


def _written(value: Value) -> str:
    return value.data if isinstance(value.data, str) else value.written
