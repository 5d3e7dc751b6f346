"""Recipes that are no files: text of a command line, known by a path that stands for it."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from cookbook.errors import RecipeError


class Inline(NamedTuple):
    """A recipe that is no file."""

    text: str
    names: Mapping[str, Any]
    """The names that the text can use without an import."""


_RECIPES: dict[Path, Inline] = {}


def inline_recipe(name: str, text: str, folder: Path, names: Mapping[str, Any]) -> Path:
    """
    Return a path that the compiler reads as this text.

    `name` stands in messages; files that the text names, e.g. templates, are sought in `folder`.
    `names` are those it can use without an import. Raises RecipeError for text that is no Python.
    """
    path = folder / name
    try:
        ast.parse(text, name)
    except (SyntaxError, ValueError) as error:
        line = error.text.rstrip("\n") if isinstance(error, SyntaxError) and error.text else text
        why = error.msg if isinstance(error, SyntaxError) else error
        raise RecipeError(
            f"{name}: {why}\n  {line}",
            hint="one resource is written as in a recipe, e.g. 'package(\"htop\")'; the shell needs"
            " quotes around it",
        ) from None
    _RECIPES[path] = Inline(text, names)
    linecache.cache[str(path)] = (len(text), None, text.splitlines(keepends=True), str(path))
    return path


def inline_at(path: Path) -> Inline | None:
    """Return the recipe that a path stands for; None for one that is a file."""
    return _RECIPES.get(path)
