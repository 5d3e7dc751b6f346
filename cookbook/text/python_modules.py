"""Modules of Python: the names that one cannot have, and the place that one is from."""

from __future__ import annotations

import keyword
import sys
from collections.abc import Iterable, Sequence

_RESERVED = {"cookbook", "resources", "providers", "tests", "test", "site", "jinja2", "yaml"}
"""Names that a recipe or a package must not have: an import of something else would find it."""


def is_taken(name: str) -> bool:
    """Return whether a recipe cannot have a name: it is a word of Python, or another module's."""
    return keyword.iskeyword(name) or name in _RESERVED or name in sys.stdlib_module_names


_LIBRARIES = frozenset({"site-packages", "dist-packages"})


def places_of(module: object) -> Sequence[str]:
    """Return the file of a module; of a package without one, its folders, if it has any."""
    file = getattr(module, "__file__", None)
    return [file] if file else list(getattr(module, "__path__", ()))


def are_installed(places: Iterable[str]) -> bool:
    """
    Return whether one of these paths is in a folder of installed libraries, such as that of a venv.

    >>> are_installed(["/srv/site/.venv/lib/python3.11/site-packages/yaml/__init__.py"])
    True
    """
    return any(not _LIBRARIES.isdisjoint(place.split("/")) for place in places)
