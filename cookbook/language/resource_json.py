"""The JSON form of resources in saved plans, histories and the manifests of hosts."""

from __future__ import annotations

import base64
import functools
from collections.abc import Callable, Collection, Sequence
from dataclasses import MISSING, fields
from typing import Any

from cookbook.language.field_traits import large_fields, sensitive_fields
from cookbook.language.resource import Resource
from cookbook.language.serialize import to_json
from cookbook.secrets.secret import Secret, SecretBytes, holds_secret, tainted

_DECIDED = frozenset({"notifies", "subscribes", "tags"})
"""Not written: the target of a notification is written by itself."""


_MARK = "!secret"
"""The key that marks a written Secret: no environment variable can have this name."""


def plain(_name: str, value: object) -> Any:
    """Return a property as JSON data in the clear. Raises TypeError for a Secret."""
    if isinstance(value, SecretBytes):
        raise TypeError("a secret cannot be written in the clear")
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode()}
    return to_json(value)


def with_secrets(value: object) -> Any:
    """Return a property, State or Change as JSON data with secrets; only for sealed documents."""
    if isinstance(value, bytes):
        return plain("", bytes(value))
    return to_json(value, lambda secret: {_MARK: str.__str__(secret)})


def revealed(data: Any) -> Any:
    """Return the value that `with_secrets` was given, with its secrets as Secrets."""
    match data:
        case dict() if data.keys() == {_MARK}:
            # In a whole file the secret part is not known any more.
            text: str = data[_MARK]
            return tainted(text) if "\n" in text else Secret(text)
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
    Return the type of a resource, and the properties that differ from their default.

    `write` makes JSON data of a property (name, value), so that the caller decides about secrets.
    Lazy values that are not known yet are left out.
    """
    data: dict[str, Any] = {"resource": resource.kind()}
    unknown = resource.lazies.properties if resource.lazies is not None else ()
    for name, default in _written(type(resource)):
        if name in unknown:
            continue
        value = getattr(resource, name)
        if value is default or callable(value):  # a guard in Python was asked already
            continue
        if default is MISSING or value != default:
            data[name] = write(name, value)
    return data


_known: dict[type[Resource], Sequence[tuple[str, object]]] = {}


def _written(kind: type[Resource]) -> Sequence[tuple[str, object]]:
    """Return the properties that are written, with their defaults."""
    if kind not in _known:
        _known[kind] = [(f.name, f.default) for f in fields(kind) if f.name not in _DECIDED]
    return _known[kind]


def brief(resource: Resource) -> dict[str, Any]:
    """Return the properties that a probe of the resource needs, without secrets and contents."""
    kind = type(resource)
    data = resource_json(resource, functools.partial(_briefly, large_fields(kind)))
    left_out = sensitive_fields(kind) if resource.confidential else frozenset[str]()
    data |= {"sensitive": True} if resource.confidential else {}
    return {name: v for name, v in data.items() if v is not None and name not in left_out}


def _briefly(large: Collection[str], name: str, value: object) -> Any:
    return None if name in large or holds_secret(value) else plain(name, value)
