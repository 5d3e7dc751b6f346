"""The recipes that are checked together, with their templates and their inventory."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

from cookbook.errors import UsageError
from cookbook.lint.finding import Finding
from cookbook.lint.linted_recipe import LintedRecipe

_LEFT_OUT = {"venv", "node_modules", "__pycache__", "build"}
"""Folders without recipes, besides those whose name begins with a dot."""

SYNTAX = "CK001"


class Project:
    """Everything that one call of the linter looks at."""

    def __init__(self, paths: Sequence[Path], inventory: Path | None = None) -> None:
        """
        Read the Python files of these paths that import something that recipes import.

        Raises UsageError for a path that does not exist.
        """
        self.inventory = inventory
        self.recipes: list[LintedRecipe] = []
        self.broken: list[Finding] = []
        self._others: dict[Path, LintedRecipe | None] = {}
        files: dict[str, Path] = {}
        for path in _files(paths):
            files.setdefault(os.path.abspath(path), path)  # noqa: PTH100 - links keep their names
        for path in files.values():
            self._read(path)

    def _read(self, path: Path) -> None:
        try:
            data = path.read_bytes()
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror}") from None
        if b"cookbook" not in data:
            return
        try:
            recipe = LintedRecipe(path, data)
        except (SyntaxError, ValueError) as error:
            line = getattr(error, "lineno", None) or 1
            column = getattr(error, "offset", None) or 1
            why = getattr(error, "msg", None) or str(error)
            self.broken.append(Finding(SYNTAX, path, line, column, f"this is no Python: {why}"))
            return
        modules = {one.rpartition(".")[0] for one in recipe.names.values()}
        if modules & {"cookbook", "cookbook.resources", "cookbook.recipe"}:
            self.recipes.append(recipe)

    @cached_property
    def folders(self) -> list[Path]:
        """The folders of the recipes, sorted."""
        return sorted({recipe.path.parent for recipe in self.recipes})

    def below(self, folder: Path) -> list[LintedRecipe]:
        """
        Return all recipes below a folder and the modules that they import, also those not named.

        What no recipe uses cannot be said of a part of them: a hook names the changed ones only.
        """
        found = [self._other(path) for path in sorted(_below(folder, named=False))]
        return [recipe for recipe in found if recipe is not None]

    def _other(self, path: Path) -> LintedRecipe | None:
        if not self._others:
            self._others = {recipe.path: recipe for recipe in self.recipes}
        if path not in self._others:
            try:
                self._others[path] = LintedRecipe(path, path.read_bytes())
            except (OSError, SyntaxError, ValueError):
                self._others[path] = None  # a call that names it says what is wrong
        return self._others[path]


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(_below(path, named=True))
        elif path.exists():
            yield path
        else:
            raise UsageError(f"{path}: there is no such file or folder")


def _is_test(name: str) -> bool:
    return name.startswith("test_") or name.endswith("_test.py") or name == "conftest.py"


def _below(folder: Path, *, named: bool) -> Iterator[Path]:
    """
    Yield the Python files below a folder, without those of tools.

    Raises UsageError for a folder that cannot be read, if it is one that is to be judged.
    """
    try:
        entries = list(folder.iterdir())
    except OSError as error:
        if named:
            raise UsageError(f"{folder}: {error.strerror}") from None
        return
    for one in entries:
        if one.is_dir() and not one.is_symlink():
            if not (one.name.startswith(".") or one.name in _LEFT_OUT):
                yield from _below(one, named=named)
        elif one.suffix == ".py" and one.is_file() and not _is_test(one.name):
            yield one
