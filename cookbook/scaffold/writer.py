"""Write a folder from templates: names and contents have `$name` and the like."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template

from cookbook.errors import UsageError
from cookbook.text.python_modules import is_taken

_NAME = re.compile(r"[a-z][a-z0-9_]*")


def checked_name(name: str) -> str:
    """
    Return the name of a recipe or a resource type.

    Raises UsageError if a Python module cannot have it, or another one has it.
    """
    if not _NAME.fullmatch(name):
        near = re.sub(r"[^a-z0-9_]+", "_", name.lower()).strip("_0123456789")
        raise UsageError(
            f"{name!r} cannot be the name of a Python module",
            hint=f"small letters, digits and _ are possible, e.g. {near or 'web'}",
        )
    if is_taken(name):
        raise UsageError(f"{name!r} is the name of another module", hint=f"e.g. {name}_recipe")
    return name


def write(kind: str, folder: Path, values: Mapping[str, str]) -> list[Path]:
    """
    Write the files of a template (`project`, `resource`) into a folder; return their paths.

    Nothing is written over. Raises UsageError if one of the files exists, or cannot be written.
    """
    found = dict(_rendered(files("cookbook.scaffold").joinpath(kind), Path(), values))
    there = sorted(str(folder / path) for path in found if (folder / path).exists())
    if there:
        raise UsageError(
            f"{there[0]} exists already",
            hint="choose another name, or an empty folder; nothing was written",
        )
    try:
        for path, text in found.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, "utf-8")
    except OSError as error:
        raise UsageError(f"{error.filename}: {error.strerror}") from None
    return [folder / path for path in found]


def _rendered(
    folder: Traversable, below: Path, values: Mapping[str, str]
) -> Iterator[tuple[Path, str]]:
    """Yield path and text of each file; `dot-x` stands for `.x`, the suffix `.in` is left out."""
    for one in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if one.name == "__pycache__":
            continue
        named = Template(one.name.removesuffix(".in")).substitute(values)
        path = below / re.sub(r"^dot-", ".", named)
        if one.is_dir():
            yield from _rendered(one, path, values)
        else:
            yield path, Template(one.read_text("utf-8")).substitute(values)
