"""`cook convert`: recipes made of a role, a playbook or a cookbook."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from cookbook.cli.output import reader_may_leave


def add(command: argparse.ArgumentParser, _name: str) -> None:
    """Declare the options."""
    command.epilog = (
        "What has no counterpart is a comment `# TODO FILE:LINE` in its place. Nothing is written"
        " over, and no host is contacted. docs/guide/moving-over.md says what is translated."
    )
    command.add_argument(
        "source", type=Path, metavar="SOURCE", help="folder of a role or a cookbook, or a playbook"
    )
    command.add_argument(
        "-o", "--folder", type=Path, metavar="FOLDER", help="write it here (NAME_cook)"
    )
    command.add_argument("--output", choices=("text", "json"), default="text")
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from cookbook.convert.convert import convert

    folder, report = convert(options.source, options.folder)
    with reader_may_leave():
        if options.output == "json":
            sys.stdout.write(report.as_json())
        else:
            sys.stdout.write(report.as_text())
            print(f"\nnext:\n  cd {folder}\n  cook plan --hosts hosts.yml   # changes nothing")
    return 0
