"""The properties of resources that are a part of a text file, and what they have in common."""

from __future__ import annotations

import re
from typing import Protocol

from cookbook.errors import RecipeError
from cookbook.provider import Resource
from cookbook.resources.file import absolute


class Placed(Protocol):
    """A resource that is inserted into a file at a place."""

    @property
    def after(self) -> str | None: ...
    @property
    def before(self) -> str | None: ...


def check_pattern(resource: Resource, what: str, pattern: str | None) -> None:
    """Raise RecipeError unless a property is a regular expression."""
    try:
        re.compile(pattern or "")
    except re.error as error:
        raise RecipeError(
            f"{resource}: {what} is no regular expression: {pattern!r}: {error}"
        ) from None


def check_place(resource: Resource, path: str, placed: Placed) -> None:
    """Raise RecipeError unless path and place are valid."""
    if not path:
        raise RecipeError(f"{resource}: it needs the path of a file")
    absolute(resource, path)
    check_pattern(resource, "after", placed.after)
    check_pattern(resource, "before", placed.before)
    if placed.after is not None and placed.before is not None:
        raise RecipeError(f"{resource}: after and before cannot both be given")
