"""Readers for the entries of a YAML file: mappings with known keys, lists, texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from cookbook.text.suggest import did_you_mean
from cookbook.text.yaml_value import Value

T = TypeVar("T")


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


def texts(value: Value) -> tuple[str, ...]:
    """Return one text, or those of a list."""
    return each(value, text) if isinstance(value.data, list) else (text(value),)


def text(value: Value) -> str:
    """Return a text that is not empty."""
    if not isinstance(value.data, str) or not value.data:
        raise value.error(f"text is expected here, not {value}")
    return value.data
