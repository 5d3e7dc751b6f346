"""The words of this installation: what was written of resources is read again by them."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any, get_type_hints

from cookbook import resources
from cookbook.applying.manifest import Entry
from cookbook.errors import PlanError
from cookbook.language.provider import AnyProvider
from cookbook.language.resource import Resource
from cookbook.plugins.manager import catalog
from cookbook.text.type_check import fits


def resource_from_json(data: Mapping[str, Any]) -> Resource:
    """
    The resource as it was when it had been checked; nothing of it is run or rendered again.

    Raises PlanError if there is no such word here.
    """
    kind = kinds().get(data["word"])
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
    kind = type(resource)  # asked by its name, so that only the words in use are loaded
    return kind.__name__ in resources.__all__ and getattr(resources, kind.__name__) is kind


def kinds() -> dict[str, type[Resource]]:
    """The words of this installation; a recipe's own are not among them."""
    found = (getattr(resources, name) for name in resources.__all__)
    return {one.kind(): one for one in found if isinstance(one, type) and issubclass(one, Resource)}


def revive(entry: Entry) -> tuple[Resource, AnyProvider]:
    """
    What an entry of a manifest tells of.

    Raises PlanError or Unsupported where the word or the provider is not installed here, or
    the entry is none that we have written: a host may say anything.
    """
    resource = resource_from_json(_checked(entry.resource))
    if resource.identity != entry.identity:
        raise PlanError(f"{resource} is not what is called {entry.identity!r}")
    return resource, catalog().named(resource, entry.provider)


def _checked(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Properties that are there, each of its type."""
    word = data.get("word")
    kind = kinds().get(word) if isinstance(word, str) else None
    if kind is None or "name" not in data:
        raise PlanError(f"there is no word {word!r} here")
    hints = get_type_hints(kind)
    for name, value in data.items():
        given = tuple(value) if isinstance(value, list) else value
        if name != "word" and not (name in hints and fits(given, hints[name])):
            raise PlanError(f"{word} has no such {name!r}")
    return data
