"""The resource types and their properties, as `cook resources` shows them."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields
from typing import Any

from cookbook.errors import UsageError
from cookbook.language.resource import Resource
from cookbook.plugins.registry import kinds, registered, resource_type
from cookbook.text.suggest import did_you_mean


def list_resources() -> Iterator[str]:
    """Yield a line for each resource type: its name and its first sentence."""
    for name, kind in kinds().items():
        yield f"{name:16} {_summary(kind)}"


def describe_resource(name: str) -> Iterator[str]:
    """
    Yield the description of a resource type: its actions, then each property.

    Raises UsageError if there is no such type.
    """
    kind = _named(name)
    yield f"{name}: {inspect.getdoc(kind)}"
    yield ""
    yield f"actions: {', '.join(sorted(kind.actions()))}"
    for field, text in _properties(kind):
        default = "" if field.default is MISSING else f" = {field.default!r}"
        yield f"\n  {field.name}: {field.type}{default}"
        if text:
            yield textwrap.indent(textwrap.fill(text, 88), "      ")


def vocabulary(name: str | None = None) -> dict[str, Any]:
    """
    Return the resource types as plain JSON values: one of them, or all.

    Raises UsageError if there is no such type.
    """
    chosen = kinds() if name is None else {name: _named(name)}
    return {"schema": 1, "resources": {name: _document(kind) for name, kind in chosen.items()}}


def _document(kind: type[Resource]) -> dict[str, Any]:
    return {
        "description": inspect.getdoc(kind),
        "class": f"{kind.__module__}:{kind.__name__}",
        "actions": sorted(kind.actions()),
        "properties": {
            field.name: {
                "type": str(field.type),
                "required": field.default is MISSING,
                "default": None if field.default is MISSING else field.default,
                "description": text,
            }
            for field, text in _properties(kind)
        },
    }


def _named(name: str) -> type[Resource]:
    kind = resource_type(name)
    if kind is None:
        near = did_you_mean(name, registered())
        raise UsageError(f"there is no resource type {name!r}", hint=near)
    return kind


def _properties(kind: type[Resource]) -> Iterator[tuple[Field[Any], str]]:
    """Yield the properties with their descriptions, those that all types share at the end."""
    shared = {field.name for field in fields(Resource)} - {"name", "action"}
    texts = _texts(kind)
    for field in sorted(fields(kind), key=lambda field: field.name in shared):
        yield field, " ".join(texts.get(field.name, "").split())


def _summary(kind: type[Resource]) -> str:
    return (inspect.getdoc(kind) or "").split("\n")[0]


def _texts(kind: type[Resource]) -> dict[str, str]:
    """Return the string below each property; Python itself does not keep it."""
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        if not issubclass(base, Resource):
            continue
        body = ast.parse(textwrap.dedent(inspect.getsource(base))).body[0]
        assert isinstance(body, ast.ClassDef)  # noqa: S101 - getsource of a class
        for statement, below in zip(body.body, body.body[1:], strict=False):
            match statement, below:
                case (
                    ast.AnnAssign(target=ast.Name(id=name)),
                    ast.Expr(value=ast.Constant(value=str(text))),
                ):
                    found[name] = text
    return found
