"""Marks of a field: a property of a resource, or a field of a State, that is sensitive or large."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, fields
from typing import Any

SENSITIVE: Mapping[str, Any] = {"cook_sensitive": True}
"""The field may hold something that must not be seen, even if it is not declared as a Secret."""

LARGE: Mapping[str, Any] = {"cook_large": True}
"""The field may be large, and no question needs it: a state refers to it by a digest."""

SENSITIVE_AND_LARGE: Mapping[str, Any] = {**SENSITIVE, **LARGE}


def is_sensitive(one: Field[Any]) -> bool:
    """Return whether a field is marked as sensitive."""
    return SENSITIVE.keys() <= one.metadata.keys()


def is_large(one: Field[Any]) -> bool:
    """Return whether a field is marked as large."""
    return LARGE.keys() <= one.metadata.keys()


def sensitive_fields(kind: Any) -> frozenset[str]:
    """Return the names of the sensitive fields of a dataclass, or of an instance of one."""
    return frozenset(one.name for one in fields(kind) if is_sensitive(one))
