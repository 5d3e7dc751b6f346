"""The names that a recipe imports, found by name: resource types and `cookbook.recipe`."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Container, Iterable, Iterator
from typing import Any, cast

import cookbook.recipe
from cookbook.errors import RecipeError
from cookbook.language.recipe_hints import counterpart
from cookbook.plugins.registry import registered, resource_type
from cookbook.text.suggest import did_you_mean


def names_in(text: str, known: Container[str] = ()) -> dict[str, Any]:
    """
    Return the resource functions and the names of `cookbook.recipe` that a text uses, by name.

    Types of plugins are among them. Text that is no Python uses none; names that are `known` are
    left out. Raises RecipeError for a name that is nothing, and UsageError for a type that cannot
    be loaded.
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return {}
    wanted = {name for name in _names(tree, ast.Load) if name not in known}
    found = dict(_found(wanted))
    for name in sorted(wanted - _names(tree, ast.Store) - {*found, *dir(builtins)}):
        if not _is_bound(tree, name):
            near = counterpart(name) or did_you_mean(name, all_names())
            raise RecipeError(
                f"there is no resource type {name!r}",
                hint=near or "`cook resources` shows them all",
            )
    return found


def _names(tree: ast.AST, context: type[ast.expr_context]) -> set[str]:
    nodes = (node for node in ast.walk(tree) if isinstance(node, ast.Name))
    return {node.id for node in nodes if isinstance(node.ctx, context)}


def _is_bound(tree: ast.AST, name: str) -> bool:
    """Return whether an import, a function or its parameter has this name."""
    return any(
        getattr(node, "asname", None) == name
        or getattr(node, "arg", None) == name
        or str(getattr(node, "name", "")).partition(".")[0] == name
        for node in ast.walk(tree)
    )


def all_names() -> list[str]:
    """Return all names that a recipe can import, sorted."""
    return sorted({*registered(), *cookbook.recipe.__all__})


def _found(names: Iterable[str]) -> Iterator[tuple[str, Any]]:
    for name in sorted(names):
        if name in cookbook.recipe.__all__:
            yield name, getattr(cookbook.recipe, name)
        elif (kind := resource_type(name)) is not None:
            yield name, cookbook.recipe.recipe_function(cast("Any", kind))
