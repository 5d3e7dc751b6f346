"""`cook show`: what a saved plan says, or what a run of the history did."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from cookbook.cli.options import add_output, add_store, add_verbose
from cookbook.cli.printing import print_json, reader_may_leave


def add(command: argparse.ArgumentParser, _name: str) -> None:
    """Declare the options."""
    command.add_argument(
        "what",
        metavar="PLANFILE|RUN",
        help="a file; or a run: its id, the beginning or the end of it, or `last`",
    )
    add_output(command)
    add_store(command)
    add_verbose(command)
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    with reader_may_leave():
        if Path(options.what).exists():
            _show_plan(options)
        else:
            _show_run(options)
    return 0


def _show_plan(options: argparse.Namespace) -> None:
    from cookbook.report import report_json
    from cookbook.saved import load
    from cookbook.show import report_lines, write

    saved = load(Path(options.what))
    if options.output == "json":
        print_json(report_json(saved.report))
        return
    write([("dim", saved.heading)], sys.stdout)
    write(report_lines(saved.report, verbose=bool(options.verbose)), sys.stdout)


def _show_run(options: argparse.Namespace) -> None:
    from cookbook.cli.history import opened
    from cookbook.errors import UsageError

    with opened(options.store) as history:
        try:
            summary = history.summary(options.what)
        except UsageError as error:
            if "/" in options.what or "." in options.what:
                raise UsageError(
                    f"{options.what}: there is no such file, and no such run"
                ) from None
            raise error from None
        run = history.document(summary.run)
    if options.output == "json":
        print_json({**run, "state": summary.state})
        return
    from cookbook.retold import heading, retold
    from cookbook.show import write

    write([("dim", heading(run, summary.state))], sys.stdout)
    write(retold(run, verbose=bool(options.verbose)), sys.stdout)
