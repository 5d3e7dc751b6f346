"""`cook resources`: the resource types and their properties."""

from __future__ import annotations

import argparse

from cookbook.cli.options import add_output, add_verbose
from cookbook.cli.output import print_json, reader_may_leave


def add(command: argparse.ArgumentParser, _name: str) -> None:
    """Declare the options."""
    command.add_argument("name", nargs="?", metavar="NAME", help="show one resource type")
    command.add_argument(
        "--all", action="store_true", help="show also the properties that all types have"
    )
    add_output(command)
    add_verbose(command)
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
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
