"""`cook import HOST`: a recipe of what a live host has, whose plan there is empty."""

from __future__ import annotations

import argparse
import datetime as dt
import os
import re
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cookbook.cli.options import add_common, hosts, password
from cookbook.cli.output import exit_of, print_json, reader_may_leave
from cookbook.cli.per_host import answers
from cookbook.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cookbook.importing.importer import Imported


def add(command: argparse.ArgumentParser, _name: str) -> None:
    """Declare the options."""
    from cookbook.importing.declaration import SUBJECTS

    command.epilog = (
        "The host is only read. Hashes of passwords, private keys and files that look like secrets"
        " are not written; they are listed, with the declaration to complete. The recipe is planned"
        " on the host before it is written: what would not be in line is left out, and listed."
        f" Types: {', '.join(SUBJECTS)}."
    )
    command.add_argument("host", metavar="HOST", help="one host of the inventory")
    add_common(command)
    command.add_argument(
        "-o",
        "--folder",
        type=Path,
        metavar="FOLDER",
        help="write it into this folder, which is new or empty (the name of the host)",
    )
    for name, text in (("--types", "import only these"), ("--except", "do not import these")):
        command.add_argument(
            name,
            action="append",
            default=[],
            type=_names,
            dest=name.strip("-") + "_",
            metavar="TYPE,...",
            help=f"{text}: package, user, service ...",
        )
    command.set_defaults(run=_run)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _run(options: argparse.Namespace) -> int:
    from cookbook.importing.importer import (
        check_folder,
        chosen_subjects,
        import_host,
        write_folder,
    )

    subjects = chosen_subjects([*chain(*options.types_)], [*chain(*options.except_)])
    if not options.local:
        options.limit = [*options.limit, options.host]
    chosen = hosts(options)
    if len(chosen) != 1:
        raise UsageError(
            f"an import is of one host, and {options.host} means {len(chosen)}",
            hint="name one host of the inventory",
        )
    [host] = chosen
    name = recipe_name(host.name)
    folder = options.folder or Path(name)
    check_folder(folder)
    secret = password(options)
    said, errors = answers([host], 1, lambda one: import_host(one, secret, subjects))
    if errors:
        return exit_of(errors)
    [imported] = said.values()
    today = dt.datetime.now().astimezone().date().isoformat()
    paths = write_folder(folder, name, host, imported, today)
    recipe = os.path.relpath(folder / f"{name}.py")
    with reader_may_leave():
        if options.output == "json":
            print_json(_document(imported, recipe, paths))
        else:
            print("\n".join(_lines(imported, recipe, len(paths))))
    return 0


def recipe_name(host: str) -> str:
    """Return the name of the recipe of a host: a Python module can have it."""
    name = re.sub(r"[^a-z0-9]+", "_", host.lower()).strip("_")
    return name if name[:1].isalpha() else f"host_{name}".rstrip("_")


def _document(imported: Imported, recipe: str, paths: list[Path]) -> dict[str, Any]:
    return {
        "schema": 1,
        "host": imported.host,
        "recipe": recipe,
        "files": [os.path.relpath(path) for path in paths],
        "types": imported.counts,
        "left_out": [
            {"type": one.subject, "name": one.what, "reason": one.reason, "partly": one.part}
            for one in imported.left_out
        ],
    }


def _lines(imported: Imported, recipe: str, files: int) -> Iterator[str]:
    from cookbook.text.redaction import protect
    from cookbook.text.sanitize import one_line

    yield f"{'':16} found  written  left out"
    for subject, count in imported.counts.items():
        yield (
            f"{subject:16} {count['found']:5}  {count['written']:7}  {count['left_out'] or '':8}"
        ).rstrip()
    if imported.left_out:
        yield "\nleft out:"
    for one in imported.left_out:
        yield protect(one_line(f"  {one.subject} {one.what}: {one.reason}"))
    yield f"\n{recipe} and {files - 1} more files are written."
    yield f"The plan of {imported.host} is empty."
    folder = os.path.dirname(recipe) or "."  # noqa: PTH120 - it is for people
    yield f"next:\n  cd {folder}\n  cook plan --hosts hosts.yml"
