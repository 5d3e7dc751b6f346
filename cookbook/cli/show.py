"""`cook show`: what a saved plan says, or what a run of the history did."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cookbook.cli.options import (
    add_key,
    add_output,
    add_reports,
    add_store,
    add_verbose,
    plan_key,
)
from cookbook.cli.printing import print_json, reader_may_leave

if TYPE_CHECKING:
    from cookbook.document import Document


def add(command: argparse.ArgumentParser, _name: str) -> None:
    """Declare the options."""
    command.add_argument(
        "what",
        metavar="PLANFILE|RUN",
        help="a file; or a run: its id, the beginning or the end of it, or `last`",
    )
    add_output(command)
    add_key(command)
    add_store(command)
    add_reports(command)
    add_verbose(command)
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from cookbook.reports import format_of, write_reports

    for path in options.reports:
        format_of(path)
    with reader_may_leave():
        document = _show_plan(options) if Path(options.what).exists() else _show_run(options)
    write_reports(document, options.reports)
    return 0


def _show_plan(options: argparse.Namespace) -> Document:
    from cookbook.planfile import load
    from cookbook.report import report_json
    from cookbook.show import report_lines, write

    saved = load(Path(options.what), plan_key(options))
    document = report_json(saved.report)
    if options.output == "json":
        print_json(document)
        return document
    write([("dim", saved.heading)], sys.stdout)
    write(report_lines(saved.report, verbose=bool(options.verbose)), sys.stdout)
    return document


def _show_run(options: argparse.Namespace) -> Document:
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
        return run
    from cookbook.reports.text import document_lines
    from cookbook.show import write

    write([("dim", _heading(run, summary.state))], sys.stdout)
    write(document_lines(run, verbose=bool(options.verbose)), sys.stdout)
    return run


def _heading(run: Document, state: str) -> str:
    """Who ran it, when, how, and from what."""
    origin = f" from {run['origin']}" if run["origin"] else ""
    revision = f" at {run['revision']}" if run["revision"] else ""
    recipes = f" of {', '.join(run['recipes'])}" if run["recipes"] else ""
    ended = "" if state == "finished" else f" ({state})"
    what = f"{run['mode']} {run['run']}{ended}{recipes}{revision}"
    return f"{what}, {run['started']} by {run['by']}{origin}: {' '.join(run['command'])}"
