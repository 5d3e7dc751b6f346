"""The YAML files of a role: found below its folder, and read."""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from cookbook.convert.ansible.reader import read
from cookbook.convert.source_tree import files_below, is_inside


class RoleTree:
    """The folder of a role, or the one that a playbook is in."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.shown = ""
        """The beginning of the paths of files in comments and in the account."""

    def path(self, below: str) -> Path | None:
        """Return the path of a file of the role; None if there is none below its folder."""
        every = [self.root / f"{below}{ending}" for ending in ("", ".yml", ".yaml")]
        folder = self.root / below
        if folder.is_dir() and is_inside(folder, self.root):
            every += sorted(folder.glob("*.y*ml"))
        found = next((one for one in every if one.is_file() and is_inside(one, self.root)), None)
        return found and self.root / found.resolve().relative_to(self.root.resolve())

    def files(self, kind: str) -> list[Path]:
        """Return the YAML files of a folder of the role."""
        found = files_below(self.root / kind, self.root)
        return [path for path, inside in found if inside and fnmatch(path.name, "*.y*ml")]

    def place(self, below: str) -> str:
        """Return how a file is named in comments and in the account."""
        path = self.path(below)
        return self.shown + (below if path is None else path.relative_to(self.root).as_posix())

    def mapping(self, below: str) -> dict[str, Any]:
        """Return the variables of a file; none if there is no such file, or something else."""
        path = self.path(below)
        data = read(path) if path is not None else None
        return data if isinstance(data, dict) else {}

    def tasks(self, below: str) -> list[Any]:
        """Return the tasks of a file; none if there is no such file, or something else."""
        path = self.path(below)
        data = read(path) if path is not None else None
        return data if isinstance(data, list) else []
