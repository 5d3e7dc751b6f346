"""The text of a mismatch: expected and found state of a thing whose change is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from cookbook.language.field_traits import is_sensitive
from cookbook.language.resource import Resource
from cookbook.secrets.secret import holds_secret

_DIGEST = re.compile(r"[0-9a-f]{64}")
_DIGITS = 12
"""Shown digits of a digest: enough to distinguish two."""


def moved(resource: Resource, expected: Any, found: Any) -> str:
    """
    Describe how a thing differs from the expected state; None is an absent thing.

    For a secret the text only says that it differs: even a digest can reveal a password.
    """
    if expected is None and found is None:
        return "what guards it answers differently"
    if expected is None:
        return "expected nothing there, found one" + _of(resource, found)
    if found is None:
        return "it is gone"
    if _hidden(resource, expected, found):
        return "it is not as it was (it must not be shown)"
    return "; ".join(_differences(expected, found)) or "what guards it answers differently"


def differing(
    resource: Resource, name: str, expected: Any, found: Any, *, hidden: bool = False
) -> str:
    """Describe how one property differs; a secret, or a `hidden` property, is not shown."""
    if resource.confidential or holds_secret((expected, found)) or hidden:
        return f"{name} is not as it was (it must not be shown)"
    return f"{name}: expected {_said(expected)}, found {_said(found)}"


def _of(resource: Resource, found: Any) -> str:
    if _hidden(resource, found):
        return ""
    shown = [
        f"{f.name} {_said(getattr(found, f.name))}"
        for f in fields(found)
        if f.compare and not is_sensitive(f) and getattr(found, f.name) not in (None, "", ())
    ]
    return f" ({', '.join(shown)})" if shown else ""


def _differences(expected: Any, found: Any) -> Iterator[str]:
    for f in fields(found):
        before, now = getattr(expected, f.name, None), getattr(found, f.name)
        if f.compare and before != now:
            yield (
                f"{f.name} is not as it was (it must not be shown)"
                if is_sensitive(f)
                else f"{f.name}: expected {_said(before)}, found {_said(now)}"
            )


def _hidden(resource: Resource, *states: Any) -> bool:
    return resource.confidential or any(
        holds_secret(getattr(state, f.name)) for state in states for f in fields(state)
    )


def _said(value: object) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case str() if _DIGEST.fullmatch(value):
            return f"sha256:{value[:_DIGITS]}..."
        case list() | tuple() | frozenset():
            return ", ".join(map(_said, value)) or "(none)"
        case _:
            return str(value) or "(empty)"
