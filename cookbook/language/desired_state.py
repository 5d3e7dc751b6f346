"""
The digest of the desired state of a host: equal where a recipe asks for the same, in any run.

It covers what is declared, in its order: the types, names and properties that are not the default
(with rendered templates and the content of files), guards, notifications, lazy values by their
source, sections and blocks. What belongs to the place of a declaration, as its line, is left out.

A secret, a sensitive property and a sensitive resource count by a digest with a key, so that the
digest of a short secret cannot be found by trying.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import inspect
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from pathlib import PurePath
from typing import Any

from cookbook.language.collection import Declared
from cookbook.language.field_traits import is_large, is_sensitive, large_fields, sensitive_fields
from cookbook.language.lazy import Lazy
from cookbook.language.resource import Resource
from cookbook.secrets.secret import holds_secret

_FORMAT = 1
"""A change of what the digest covers needs another number."""


def desired_digest(declared: Iterable[Declared], key: bytes) -> str:
    """Return the SHA-256 of what is declared, in hexadecimal; `key` is that for secrets."""
    whole = hashlib.sha256(f"cook desired state {_FORMAT}\n".encode())
    for one in declared:
        text = _text([_place(one), _declaration(one.resource, key)])
        whole.update(f"{len(text)}:".encode() + text)
    return whole.hexdigest()


def _declaration(resource: Resource, key: bytes) -> Any:
    rendered = _is_rendered(resource)
    said: dict[str, Any] = {}
    for one, default in _defaults(type(resource)):
        value = getattr(resource, one.name)
        if value is default or (rendered and is_sensitive(one) and is_large(one)):
            continue  # variables that have become a content count by that
        plain = _plain(value, key)
        if default is MISSING or plain != _plain(default, key):
            said[one.name] = _keyed(_text(plain), key) if is_sensitive(one) else plain
    if resource.sensitive:
        return [resource.kind(), resource.name, _keyed(_text(said), key)]
    return [resource.kind(), resource.name, said]


_known: dict[type[Resource], Sequence[tuple[Field[Any], Any]]] = {}


def _defaults(kind: type[Resource]) -> Sequence[tuple[Field[Any], Any]]:
    """Return the properties other than the name, each with its default or MISSING."""
    if kind not in _known:
        _known[kind] = [
            (one, one.default if one.default_factory is MISSING else one.default_factory())
            for one in fields(kind)
            if one.name != "name"
        ]
    return _known[kind]


def _is_rendered(resource: Resource) -> bool:
    """Return whether the resource has a content, or another large text that is not sensitive."""
    kind = type(resource)
    made = large_fields(kind) - sensitive_fields(kind) - {"source"}
    return any(getattr(resource, name) is not None for name in made)


def _place(one: Declared) -> Any:
    """Return what a declaration is part of, without the lines of the recipe."""
    return {
        "sections": [[section.attempt.name, section.part] for section in one.sections],
        "final": one.is_final,
        "parallel": one.parallel and [one.parallel.number, one.parallel.at_once],
        "once": one.once and [one.once.name, one.once.on],
        "barrier": one.barrier and one.barrier.name,
        "scope": one.scope and one.scope.id,
    }


def _plain(value: Any, key: bytes) -> Any:
    """Return a value as JSON data that is the same in each process."""
    match value:
        case str() | bytes() if holds_secret(value):
            return _keyed(value if isinstance(value, bytes) else str.__str__(value), key)
        case Enum():
            return _plain(value.value, key)
        case bytes():
            return {"bytes": hashlib.sha256(value).hexdigest()}
        case str() | int() | float() | bool() | None:
            return value
        case Lazy():
            return {"lazy": _plain(value.command, key), "parse": _source(value.parse)}
        case _:
            return _composed(value, key)


def _composed(value: Any, key: bytes) -> Any:
    """Return the same for a value that has others in it, and for a function."""
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: _plain(getattr(value, one.name), key) for one in fields(value)}
    if isinstance(value, Mapping):
        return sorted(([_plain(k, key), _plain(v, key)] for k, v in value.items()), key=_text)
    if isinstance(value, AbstractSet):
        return sorted((_plain(item, key) for item in value), key=_text)
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, Iterable):
        return [_plain(item, key) for item in value]
    if callable(value):
        return {"source": _source(value)}
    return type(value).__qualname__ if _shows_address(value) else str(value)


def _shows_address(value: object) -> bool:
    return f"{id(value):x}" in repr(value)


def _keyed(text: str | bytes, key: bytes) -> Mapping[str, str]:
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else bytes(text)
    return {"secret": hmac.new(key, data, hashlib.sha256).hexdigest()}


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


def _text(value: Any) -> bytes:
    return _ENCODER.encode(value).encode("utf-8", "surrogatepass")


@functools.lru_cache(maxsize=1024)
def _source(function: Callable[..., Any]) -> str:
    """Return the source of a function; its name where there is none."""
    try:
        return inspect.getsource(function).strip()
    except (OSError, TypeError):
        return getattr(function, "__qualname__", type(function).__qualname__)
