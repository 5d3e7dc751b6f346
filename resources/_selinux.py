"""Types of SELinux in properties."""

from __future__ import annotations

import re

from cookbook.errors import RecipeError
from cookbook.provider import Resource


def check_type(resource: Resource, secontext: str | None, *, needed: bool) -> None:
    """Raise RecipeError for what is no type of SELinux, or if it is needed and not given."""
    if secontext is None:
        if needed:
            raise RecipeError(f"{resource}: secontext is required")
    elif not re.fullmatch(r"[A-Za-z][A-Za-z0-9_.]*", secontext):
        raise RecipeError(
            f"{resource}: {secontext!r} is no type of SELinux", hint='a type alone: "http_port_t"'
        )
