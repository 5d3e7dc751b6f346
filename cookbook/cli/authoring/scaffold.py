"""`cook init NAME`: a folder with a recipe; `cook new resource NAME`: a package with a type."""

from __future__ import annotations

import argparse
import os
from pathlib import Path


def add(command: argparse.ArgumentParser, name: str) -> None:
    """Declare the options of `init` or `new`."""
    if name == "new":
        command.add_argument("what", choices=("resource",), help="what to begin")
    command.add_argument("name", metavar="NAME", help="small letters, digits and _")
    command.add_argument(
        "--folder", type=Path, metavar="PATH", help="write it here, instead of a new folder"
    )
    command.set_defaults(run=_init if name == "init" else _new)


def _init(options: argparse.Namespace) -> int:
    from cookbook.scaffold.writer import checked_name, write

    name = checked_name(options.name)
    folder = options.folder or Path(name)
    values = {"name": name, "title": name.replace("_", " ").capitalize()}
    _tell(write("project", folder, values))
    print(
        f"\nnext:\n  cd {folder}\n  cook plan --hosts hosts.yml   # what would change here;"
        " changes nothing\n  pytest"
    )
    return 0


def _new(options: argparse.Namespace) -> int:
    from cookbook.resources import class_name
    from cookbook.scaffold.writer import checked_name, write

    name = checked_name(options.name)
    dashed = name.replace("_", "-")
    folder = options.folder or Path(f"cook-{dashed}")
    values = {"name": name, "dashed": dashed, "class_name": class_name(name)}
    _tell(write("resource", folder, values))
    print(f"\nnext:\n  cd {folder}\n  pip install -e .\n  pytest")
    return 0


def _tell(paths: list[Path]) -> None:
    for path in paths:
        print(os.path.relpath(path))
