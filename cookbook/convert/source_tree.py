"""The files of a source: only those are taken that are really below its folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cookbook.errors import UsageError
from cookbook.text.bounded_io import content_of

OUTSIDE = "a path or a link that leads outside of what is converted, or to nothing"


def is_inside(path: Path, root: Path) -> bool:
    """Return whether a path is below a folder when all links are followed."""
    try:
        return path.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError, ValueError):  # a circle of links, a NUL in the name
        return False


def files_below(folder: Path, root: Path) -> Iterator[tuple[Path, bool]]:
    """
    Yield the files and links below a folder, each with whether it can be copied.

    No link to a folder is followed, and no link that leads outside of `root`.
    """
    if not is_inside(folder, root):
        yield folder, False
        return
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() and not path.is_file():
            yield path, False
        elif path.is_file():
            yield path, is_inside(path, root)


def content(path: Path) -> bytes:
    """Return the content of a file; raises UsageError, also for one that is too large."""
    try:
        return content_of(path)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
