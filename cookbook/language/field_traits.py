"""Marks of a field: a property of a resource, or a field of a State, that is sensitive or large."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import Field, fields
from typing import Any, NamedTuple

SENSITIVE: Mapping[str, Any] = {"cook_sensitive": True}
"""The field may hold something that must not be seen, even if it is not declared as a Secret."""

LARGE: Mapping[str, Any] = {"cook_large": True}
"""The field may be large, and no question needs it: a state refers to it by a digest."""

NEVER_SECRET: Mapping[str, Any] = {"cook_never_secret": True}
"""The field is shown although the resource holds a Secret: nothing in it is made of one."""

SENSITIVE_AND_LARGE: Mapping[str, Any] = {**SENSITIVE, **LARGE}


def is_sensitive(one: Field[Any]) -> bool:
    """Return whether a field is marked as sensitive."""
    return SENSITIVE.keys() <= one.metadata.keys()


def is_large(one: Field[Any]) -> bool:
    """Return whether a field is marked as large."""
    return LARGE.keys() <= one.metadata.keys()


def field_names(kind: type[Any]) -> Sequence[str]:
    """Return the names of the fields of a dataclass."""
    return _marks(kind).names


def compared_fields(kind: type[Any]) -> Sequence[str]:
    """Return the names of the fields of a dataclass that a comparison counts."""
    return _marks(kind).compared


def sensitive_fields(kind: type[Any]) -> frozenset[str]:
    """Return the names of the sensitive fields of a dataclass."""
    return _marks(kind).sensitive


def open_fields(kind: type[Any]) -> frozenset[str]:
    """Return the names of the fields of a dataclass that are shown beside a secret."""
    return _marks(kind).open


def large_fields(kind: type[Any]) -> frozenset[str]:
    """Return the names of the large fields of a dataclass."""
    return _marks(kind).large


class _Marks(NamedTuple):
    names: Sequence[str]
    compared: Sequence[str]
    sensitive: frozenset[str]
    large: frozenset[str]
    open: frozenset[str]


_known: dict[type[Any], _Marks] = {}
"""A run asks for these names about each resource several times."""


def _marks(kind: type[Any]) -> _Marks:
    if kind not in _known:
        all_of_it = fields(kind)
        _known[kind] = _Marks(
            tuple(one.name for one in all_of_it),
            tuple(one.name for one in all_of_it if one.compare),
            frozenset(one.name for one in all_of_it if is_sensitive(one)),
            frozenset(one.name for one in all_of_it if is_large(one)),
            frozenset(one.name for one in all_of_it if NEVER_SECRET.keys() <= one.metadata.keys()),
        )
    return _known[kind]
