"""The resource types of this installation: the built-in ones, and those of plugins."""

from __future__ import annotations

import base64
import functools
import importlib
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from typing import Any, cast, get_type_hints

from cookbook.applying.manifest import ManifestEntry
from cookbook.errors import PlanError, UsageError
from cookbook.language.provider import AnyProvider
from cookbook.language.resource import Resource
from cookbook.plugins.manager import catalog, registrations
from cookbook.text.json_shape import short
from cookbook.text.type_check import describe, fits


def registered() -> Mapping[str, str]:
    """
    Return all resource types: name in recipes -> `module:Class`. No class is imported.

    Raises UsageError if two plugins register the same name.
    """
    return registrations("cookbook_resources")


@functools.cache
def resource_type(name: str) -> type[Resource] | None:
    """
    Return the class of a resource type; None if none of that name is registered.

    Raises UsageError if a plugin registers something else under that name.
    """
    if name not in registered():
        return None
    module, _, attribute = (place := registered()[name]).partition(":")
    try:
        kind = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise UsageError(f"the resource type {name!r} cannot be loaded: {error}") from error
    if not (isinstance(kind, type) and issubclass(kind, Resource) and kind.kind() == name):
        raise UsageError(f"{place} is not the class of the resource type {name!r}")
    return kind


def kinds() -> dict[str, type[Resource]]:
    """Return all registered resource types, sorted by name. Imports each of them."""
    found = {name: resource_type(name) for name in sorted(registered())}
    return {name: kind for name, kind in found.items() if kind is not None}


def known(resource: Resource) -> bool:
    """Return True if the type is registered; False for a class that a recipe defines itself."""
    return resource_type(resource.kind()) is type(resource)


def resource_from_json(data: Mapping[str, Any]) -> Resource:
    """
    Return the resource as it was when it had been checked; nothing is run or rendered again.

    Raises PlanError if its type is not registered here, or a property has another type.
    """
    kind = _kind_of(data["resource"])
    hints = _hints(cast("Any", kind))
    resource = kind.__new__(kind)
    for f in fields(kind):
        value = data[f.name] if f.name in data else _default(f)
        if isinstance(value, dict) and value.keys() == {"base64"} and "bytes" in str(f.type):
            value = base64.b64decode(value["base64"])
        if f.name in data:
            _check(kind, f.name, hints[f.name], value)
        object.__setattr__(resource, f.name, tuple(value) if isinstance(value, list) else value)
    return resource


def _default(f: Field[Any]) -> Any:
    """Return the value of a property that is not written: it has its default, or holds a secret."""
    if f.default_factory is not MISSING:
        return f.default_factory()
    return None if f.default is MISSING else f.default


def revive(entry: ManifestEntry) -> tuple[Resource, AnyProvider]:
    """
    Return the resource and the provider of an entry of a manifest.

    Raises PlanError or Unsupported if the type or the provider is not installed here, or if
    the entry was not written by cook: a host may send anything.
    """
    resource = resource_from_json(_checked(entry.resource))
    provider = catalog().named(resource, entry.provider)
    if entry.identity not in provider.entries(resource):
        raise PlanError(f"{resource} is not the resource named {entry.identity!r}")
    return resource, provider


def _kind_of(name: object) -> type[Resource]:
    kind = resource_type(name) if isinstance(name, str) else None
    if kind is None:
        raise PlanError(
            f"there is no resource type {name!r} here", hint="install the plugin that has it"
        )
    return kind


def _checked(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the data if each property exists and has a value of its type."""
    kind = _kind_of(data.get("resource"))
    if "name" not in data:
        raise PlanError(f"a {kind.kind()} without a name")
    hints = _hints(cast("Any", kind))
    for name, value in data.items():
        if name != "resource":
            if name not in hints:
                raise PlanError(f"{kind.kind()} has no property {name!r}")
            _check(kind, name, hints[name], value)
    return data


def _check(kind: type[Resource], name: str, hint: object, value: object) -> None:
    """Raise PlanError if a property has a value of another type than its declaration wants."""
    if not fits(tuple(value) if isinstance(value, list) else value, hint):
        raise PlanError(f"{kind.kind()}: {name}: {describe(hint)} was expected, not {short(value)}")


@functools.cache
def _hints(kind: Any) -> Mapping[str, Any]:
    return get_type_hints(kind)
