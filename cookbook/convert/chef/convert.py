"""The conversion of a cookbook into a folder of recipes."""

from __future__ import annotations

from pathlib import Path

from cookbook.convert.project import Folder
from cookbook.convert.report import Report


def is_cookbook(path: Path) -> bool:
    """Return whether a folder has recipes of Chef."""
    return any((path / "recipes").glob("*.rb")) if (path / "recipes").is_dir() else False


def convert_cookbook(root: Path, folder: Folder, report: Report) -> None:
    """Convert a cookbook."""
    raise NotImplementedError
