"""The resource types and their properties, as `cook resources` shows them."""

from __future__ import annotations

import ast
import functools
import inspect
import sys
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import MISSING, Field, fields
from itertools import pairwise
from typing import Any

import cookbook.resources
from cookbook.errors import UsageError
from cookbook.language.resource import Resource
from cookbook.plugins.registry import kinds, registered, resource_type
from cookbook.resources import FUNCTIONS
from cookbook.text.suggest import did_you_mean

CATEGORIES = (
    *("packages", "files", "accounts", "system", "services", "network", "databases"),
    *("certificates", "code", "applications", "containers", "commands", "other"),
)
"""The headings of the list, in this order; others of plugins come last."""


def list_resources() -> Iterator[str]:
    """Yield the resource types by category, each with its name and its first sentence."""
    types = kinds()
    width = max(map(len, types))
    by_category: dict[str, list[str]] = {}
    for name, kind in types.items():
        by_category.setdefault(kind.category, []).append(f"  {name:{width}}  {_summary(kind)}")
    order = [*CATEGORIES, *sorted(by_category.keys() - {*CATEGORIES})]
    for category in (one for one in order if one in by_category):
        yield f"{category}:"
        yield from by_category[category]
        yield ""
    yield "several types at once:"
    for name in FUNCTIONS:
        yield f"  {name:{width}}  {_summary(getattr(cookbook.resources, name))}"
    yield ""
    yield "cook resources NAME shows the properties of one."


def describe_resource(name: str, *, common: bool = False) -> Iterator[str]:
    """
    Yield the description of a resource type: text, example, actions, and its properties.

    The properties of all types are only named, unless `common` is true.

    Raises UsageError if there is no such type.
    """
    if name in FUNCTIONS:
        yield from _describe_function(name)
        return
    kind = _named(name)
    yield f"{name}: {inspect.getdoc(kind)}".replace("Example::", "Example:")
    yield ""
    yield f"actions: {', '.join(sorted(kind.actions()))} (default: {_plain(kind.action)})"
    for field, text in described_properties(kind):
        if field.name == "action" or (field.name in COMMON and not common):
            continue
        default = "" if field.default is MISSING else f" = {field.default!r}"
        yield f"\n  {field.name}: {field.type}{default}"
        if text:
            yield textwrap.indent(textwrap.fill(text, 88), "      ")
    if not common:
        yield ""
        yield f"of all types (--all shows them): {', '.join(COMMON)}"


def _describe_function(name: str) -> Iterator[str]:
    """Yield the description of a function that declares resources of several types."""
    function = getattr(cookbook.resources, name)
    yield f"{name}: {inspect.getdoc(function)}"
    for one in inspect.signature(function).parameters.values():
        default = "" if one.default is one.empty else f" = {one.default!r}"
        yield f"\n  {one.name}: {one.annotation}{default}"


def _plain(default: str | Sequence[str]) -> str:
    return default if isinstance(default, str) else ", ".join(default)


def example_of(kind: type[Resource]) -> str:
    """Return the example in the description of a resource type; empty without one."""
    _, _, code = (inspect.getdoc(kind) or "").partition("Example::\n")
    return textwrap.dedent(code).strip()


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
        "category": kind.category,
        "example": example_of(kind),
        "class": f"{kind.__module__}:{kind.__name__}",
        "actions": sorted(kind.actions()),
        "properties": {
            field.name: {
                "type": str(field.type),
                "required": field.default is MISSING,
                "default": None if field.default is MISSING else field.default,
                "description": text,
            }
            for field, text in described_properties(kind)
        },
    }


def _named(name: str) -> type[Resource]:
    kind = resource_type(name)
    if kind is None:
        near = did_you_mean(name, [*registered(), *FUNCTIONS])
        raise UsageError(f"there is no resource type {name!r}", hint=near)
    return kind


def described_properties(kind: type[Resource]) -> Iterator[tuple[Field[Any], str]]:
    """Yield the properties with their descriptions, those that all types share at the end."""
    texts = _texts(kind)
    for field in sorted(fields(kind), key=lambda field: field.name in COMMON):
        yield field, " ".join(texts.get(field.name, "").split())


COMMON = tuple(f.name for f in fields(Resource) if f.name not in ("name", "action"))
"""The properties of all types."""


def _summary(kind: object) -> str:
    return (inspect.getdoc(kind) or "").split("\n")[0]


def _texts(kind: type[Resource]) -> dict[str, str]:
    """Return the string below each property; Python itself does not keep it."""
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        if issubclass(base, Resource):
            found |= _own_texts(base)
    return found


def _own_texts(kind: type[Resource]) -> dict[str, str]:
    """Return the string below each property that the class itself declares."""
    found: dict[str, str] = {}
    body = _definition(kind).body
    for statement, below in pairwise(body):
        match statement, below:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                found[name] = text
    return found


def _definition(kind: type[Resource]) -> ast.ClassDef:
    """
    Return the statement that defines a class.

    Its module is parsed, and searched for the name: inspect.getsource parses it, too, and then
    looks for the end of the class token by token, which takes longer than the rest.
    """
    for statement in _tree(kind.__module__).body:
        if isinstance(statement, ast.ClassDef) and statement.name == kind.__qualname__:
            return statement
    [nested] = ast.parse(textwrap.dedent(inspect.getsource(kind))).body  # in a function or class
    assert isinstance(nested, ast.ClassDef)  # noqa: S101 - getsource of a class
    return nested


@functools.cache
def _tree(module: str) -> ast.Module:
    """Return the tree of an imported module."""
    return ast.parse(inspect.getsource(sys.modules[module]))
