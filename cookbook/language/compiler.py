"""The compiler of recipes: it runs recipe files for one host, without contact to the host."""

from __future__ import annotations

import builtins
import contextlib
import functools
import importlib
import linecache
import os
import sys
import threading
import traceback
import types
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from cookbook.errors import CookError, Missing, RecipeError, SecretError
from cookbook.language.collection import Collection, Node, declaring, display_path, is_engine
from cookbook.language.inline import inline_at
from cookbook.language.recipe_hints import hint_for
from cookbook.language.time_limit import OutOfTime, within
from cookbook.text.python_modules import are_installed, places_of

_AS_PYTHON = "a recipe is Python, and Python says this of that line: correct it there"


COMPILE_TIMEOUT = 60.0
"""Seconds that the compilation of one recipe for one host may take."""


def compile_recipes(paths: Sequence[Path], node: Node) -> Collection:
    """
    Run recipes for a host; return the resources that they declare. No host is contacted.

    Raises RecipeError, with file and line, for every error in a recipe, Missing if it reads facts
    of another host that are not known, and FactsNeeded if a recipe reads a fact and the facts of
    the node are NO_FACTS_YET.
    """
    collection = Collection(node)
    with _compiling, declaring(collection):
        for path in paths:
            _run(path, collection)
    collection.check()
    collection.check_contradictions()
    return collection


_compiling = threading.RLock()
"""Held during a compilation: imports change sys.path and sys.modules of the whole process."""


def _run(path: Path, collection: Collection) -> None:
    code = _code(path, _version(path))
    collection.folder = path.parent.resolve()
    folder = str(collection.folder)
    with contextlib.suppress(OSError):  # of a recipe without a file
        _load_namesakes(folder, collection.folder.stat().st_mtime_ns)
    before, places = set(sys.modules), list(sys.path)
    collection.recipe = path
    collection.sources.add(path)
    sys.path.insert(0, folder)
    try:
        with within(COMPILE_TIMEOUT):
            exec(code, _globals(path))  # noqa: S102
    except RecipeError:
        raise
    except OutOfTime as error:
        late = RecipeError(
            f"the recipe has not come to its end within {COMPILE_TIMEOUT:g} s",
            hint="it only declares; what takes time belongs to the hosts: execute, only_if",
        )
        raise _located(late.with_traceback(error.__traceback__), path) from None
    except (Exception, SystemExit) as error:
        raise _located(error, path) from error
    finally:
        added = {os.path.abspath(one) for one in {*sys.path} - {*places}}  # noqa: PTH100 - links
        collection.sources.update(_forget({folder, *added}, before))
        sys.path[:] = places


@functools.cache
def _load_namesakes(folder: str, _changed: int) -> None:
    """
    Import the modules of Python that have the name of a file in this folder, once for all hosts.

    `import json`, in a recipe or in a library, would otherwise run a recipe json.py beside it, and
    what that declares would be declared here, too. Whether it does depended on what was imported.
    """
    names = {one.name.removesuffix(".py") for one in Path(folder).iterdir()}
    places = list(sys.path)
    sys.path[:] = [one for one in places if os.path.realpath(one) != folder]  # `python -m` has it
    try:
        for name in sorted(names & sys.stdlib_module_names - sys.modules.keys() - _TOYS):
            with contextlib.suppress(ImportError), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a recipe does not ask for a deprecated module
                importlib.import_module(name)
    finally:
        sys.path[:] = places


_TOYS = {"antigravity", "this"}
"""Modules of Python that do something when they are imported."""


def _globals(path: Path) -> dict[str, Any]:
    inline = inline_at(path)
    given = inline.names if inline is not None else {}
    own = {"__name__": path.stem, "__file__": str(path), "__builtins__": builtins}
    return {**given, **own}


def _version(path: Path) -> tuple[str, int]:
    if (inline := inline_at(path)) is not None:
        return str(path), hash(inline.text)
    try:
        return str(path.resolve()), path.stat().st_mtime_ns
    except OSError as error:
        raise RecipeError(f"{path}: {error.strerror}", hint="is that the recipe's path?") from None


@functools.cache
def _code(path: Path, version: tuple[str, int]) -> types.CodeType:
    """Return the code object of a recipe; the cache serves all hosts, until the file changes."""
    try:
        inline = inline_at(path)
        source = path.read_bytes() if inline is None else inline.text
        return compile(source, version[0], "exec")
    except OSError as error:
        raise RecipeError(f"{path}: {error.strerror}") from None
    except (SyntaxError, ValueError) as error:
        line = f":{error.lineno}" if isinstance(error, SyntaxError) else ""
        message = error.msg if isinstance(error, SyntaxError) else error
        raise RecipeError(f"{path}{line}: {message}") from None


def _forget(folders: set[str], before: set[str]) -> Iterator[Path]:
    """
    Drop modules imported from these folders, and yield their files.

    They must declare again for the next host, and a recipe in another folder has others of the same
    names. A folder without __init__.py is a package, too; its module has no file, only a path,
    which has to be read while sys.path has the folders.
    """
    for name in set(sys.modules) - before:
        places = places_of(sys.modules[name])
        if all(_is_below(place, folders) for place in places) and not _installed(
            name, places, before
        ):
            module = sys.modules.pop(name)
            if getattr(module, "__file__", None):
                yield Path(places[0])


def _is_below(place: str, folders: set[str]) -> bool:
    place = os.path.normpath(place)
    return any(place.startswith(f"{folder.rstrip('/')}/") for folder in folders)


def _installed(name: str, places: Sequence[str], before: set[str]) -> bool:
    """
    Return True for a module of cook, of a plugin or of a library, and for one that has no place.

    Its file may be below the folder of the recipe: in a .venv there, or in a checkout. If it
    were dropped, a resource type would be imported twice, and its providers serve only one.
    """
    parts = name.split(".")
    packages = {".".join(parts[:depth]) for depth in range(1, len(parts))} & before
    return (
        not places
        or any(getattr(sys.modules.get(one), "__file__", None) for one in packages)
        or are_installed(places)
    )


def _located(error: BaseException, path: Path) -> RecipeError | SecretError | Missing:
    """Return the error with the line of the recipe that caused it, without the engine's frames."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not is_engine(frame.filename)
    ]
    own = [frame for frame in frames if _is_below(frame.filename, {str(path.parent.resolve())})]
    where = next(reversed(own or frames), None)
    line = f"{display_path(where.filename)}:{where.lineno}" if where else str(path)
    if isinstance(error, Missing):  # what is wrong is a host, not the recipe
        missing = Missing(f"{line}: {error}", thing=error.thing, hint=error.hint)
        missing.phase = "compile"
        return missing
    if isinstance(error, CookError):
        kind = SecretError if isinstance(error, SecretError) else RecipeError
        return kind(f"{line}: {error}", hint=error.hint)
    source = linecache.getline(where.filename, where.lineno or 0).strip() if where else ""
    said = f"{line}: {type(error).__name__}: {error}"
    hint = hint_for(error) or _AS_PYTHON
    return RecipeError(f"{said}\n  {source}" if source else said, hint=hint)
