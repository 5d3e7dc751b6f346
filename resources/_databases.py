"""Names in databases."""

from __future__ import annotations

from cookbook.errors import RecipeError
from cookbook.provider import Resource

_LONGEST = 63
"""Bytes of a name in PostgreSQL, which silently shortens longer ones; MariaDB takes 64."""


def check_name(resource: Resource, name: str, longest: int = _LONGEST) -> None:
    """Raise RecipeError for what cannot be a name."""
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        raise RecipeError(f"{resource}: {name!r} is no text") from None
    if not 0 < size <= longest or "\0" in name:
        raise RecipeError(
            f"{resource}: {name!r} cannot be a name", hint=f"it has 1 to {longest} bytes"
        )


def check_line(resource: Resource, name: str, longest: int) -> None:
    """Raise RecipeError for what cannot be a name in MariaDB: one line."""
    check_name(resource, name, longest)
    if any(ord(c) < ord(" ") for c in name) or name != name.strip():
        raise RecipeError(f"{resource}: {name!r} cannot be a name", hint="it is one line")
