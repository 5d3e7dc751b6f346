"""The modules that tests have imported, out of the way of those beside a recipe."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from cookbook.plugins.manager import plugins
from cookbook.text.python_modules import are_installed, places_of


@contextmanager
def without_other_modules(folders: Iterable[Path]) -> Iterator[None]:
    """
    Hide imported modules that have the name of one in these folders, and are from elsewhere.

    A recipe imports what is beside it, as in a run of cook. Python would give it any module of
    that name: the `common` of the tests, or of the recipe in another folder that a test has
    imported. Libraries, plugins and modules of Python have priority, as there.
    """
    tops = {top for folder in folders for top in _others(folder.resolve())} - _everybodys()
    hidden = {name: module for name, module in sys.modules.items() if _top(name) in tops}
    for name in hidden:
        del sys.modules[name]
    try:
        yield
    finally:
        sys.modules.update(hidden)


def _others(folder: Path) -> Iterator[str]:
    """Yield the names of modules in a folder, of which another one is imported."""
    for path in folder.iterdir() if folder.is_dir() else ():
        name = path.stem if path.suffix == ".py" else path.name
        if (module := sys.modules.get(name)) is not None and _is_other(places_of(module), folder):
            yield name


def _is_other(places: Sequence[str], folder: Path) -> bool:
    return not are_installed(places) and any(
        not Path(place).resolve().is_relative_to(folder) for place in places
    )


def _everybodys() -> set[str]:
    """Return the names of the packages that are not a test's: of Python, cook, plugins."""
    mine = {
        plugin.__name__ if isinstance(plugin, ModuleType) else type(plugin).__module__
        for plugin in plugins().get_plugins()
    }
    return {*sys.stdlib_module_names, "__main__", "cookbook", *map(_top, mine)}


def _top(name: str) -> str:
    return name.partition(".")[0]
