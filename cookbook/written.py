"""Resources as JSON, and back: what plans, histories and the hosts' own notes have in common."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from typing import Any

from cookbook import resources
from cookbook.errors import PlanError
from cookbook.provider import to_json
from cookbook.resource import Resource
from cookbook.shell import Secret

_DECIDED = frozenset({"notifies", "subscribes"})
"""Not written: whoever was to be notified is written himself."""


_MARK = "!secret"
"""Marks a Secret where it is written at all: no variable of an environment has such a name."""


def plain(_name: str, value: object) -> Any:
    """A property in the clear; a Secret is refused with TypeError."""
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode()}
    return to_json(value)


def with_secrets(value: object) -> Any:
    """A property, a State or a Change with its secrets; for what is sealed before it is written."""
    if isinstance(value, bytes):
        return plain("", value)
    return to_json(value, lambda secret: {_MARK: str.__str__(secret)})


def revealed(data: Any) -> Any:
    """What `with_secrets` made, with its secrets as Secrets again."""
    match data:
        case dict() if data.keys() == {_MARK}:
            return Secret(data[_MARK])
        case dict():
            return {name: revealed(value) for name, value in data.items()}
        case list():
            return [revealed(item) for item in data]
        case _:
            return data


def resource_json(
    resource: Resource, write: Callable[[str, object], Any] = plain
) -> dict[str, Any]:
    """
    Its word, and the properties that are not at their default.

    `write` makes JSON of a property (name, value), so that who writes decides about secrets.
    """
    return {
        "word": resource.kind(),
        **{
            f.name: write(f.name, value)
            for f in fields(resource)
            if f.name not in _DECIDED
            and not callable(value := getattr(resource, f.name))  # a guard that was asked already
            and (f.default is MISSING or value != f.default)
        },
    }


def resource_from_json(data: Mapping[str, Any]) -> Resource:
    """
    The resource as it was when it had been checked; nothing of it is run or rendered again.

    Raises PlanError if there is no such word here.
    """
    kind = _kinds().get(data["word"])
    if kind is None:
        raise PlanError(f"there is no word {data['word']!r} here", hint="is its plugin installed?")
    resource = kind.__new__(kind)
    for f in fields(kind):
        given = f.default if f.default is not MISSING else None
        value = data.get(f.name, given)
        if isinstance(value, dict) and value.keys() == {"base64"} and "bytes" in str(f.type):
            value = base64.b64decode(value["base64"])
        object.__setattr__(resource, f.name, tuple(value) if isinstance(value, list) else value)
    return resource


def known(resource: Resource) -> bool:
    """Whether others know its word: those that a recipe declares itself, they do not."""
    return type(resource) in _kinds().values()


def _kinds() -> dict[str, type[Resource]]:
    """The words of this installation; a recipe's own are not among them."""
    found = (getattr(resources, name) for name in resources.__all__)
    return {one.kind(): one for one in found if isinstance(one, type) and issubclass(one, Resource)}
