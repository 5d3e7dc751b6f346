"""`cook resources`: the resource types and their properties."""

from __future__ import annotations

import argparse
from pathlib import Path

from cookbook.cli.options import add_output, add_verbose
from cookbook.cli.output import print_json, reader_may_leave


def add(command: argparse.ArgumentParser, _name: str) -> None:
    """Declare the options."""
    command.add_argument("name", nargs="?", metavar="NAME", help="show one resource type")
    command.add_argument(
        "--all", action="store_true", help="show also the properties that all types have"
    )
    command.add_argument(
        "--pages",
        type=Path,
        metavar="FOLDER",
        help="write a page of Markdown for each type, and a list of all, into this folder",
    )
    add_output(command)
    add_verbose(command)
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    if options.pages is not None:
        from cookbook.cli.resource_pages import write_pages

        print(f"{write_pages(options.pages)} pages in {options.pages}")
        return 0
    from cookbook.cli.resource_help import describe_resource, list_resources, vocabulary

    if options.output == "json":
        print_json(vocabulary(options.name))
        return 0
    lines = (
        list_resources()
        if options.name is None
        else describe_resource(options.name, common=options.all)
    )
    with reader_may_leave():
        print("\n".join(lines))
    return 0
