"""`cook show`: what a saved plan says, or what a run of the history did."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cookbook.cli.options import add_key, add_output, add_reports, add_store, add_verbose, plan_key
from cookbook.cli.output import print_json, reader_may_leave

if TYPE_CHECKING:
    from cookbook.reports.schema import Document
    from cookbook.reports.text import StyledLine

_NAMES = 8
"""Hosts of a desired state that are named."""


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
    from cookbook.cli.progress import write
    from cookbook.cli.running import check_reports
    from cookbook.reports import write_reports

    check_reports(options)
    there = Path(options.what).exists()
    document, said, lines = _plan(options) if there else _run_of(options)
    with reader_may_leave():
        if options.output == "json":
            print_json(said)
        else:
            write(lines, sys.stdout)
    write_reports(document, options.reports)
    return 0


_Shown = tuple["Document", Mapping[str, Any], Iterable["StyledLine"]]
"""The document; what is printed as JSON; what is printed for people."""


def _plan(options: argparse.Namespace) -> _Shown:
    from cookbook.approval.planfile import load
    from cookbook.cli.report_lines import report_lines
    from cookbook.reports.report import report_json

    saved = load(Path(options.what), plan_key(options))
    document = report_json(saved.report)
    lines = report_lines(saved.report, verbose=bool(options.verbose))
    facts = [("dim", line) for line in saved.facts_lines]
    return document, document, [("dim", saved.heading), *facts, *lines]


def _run_of(options: argparse.Namespace) -> _Shown:
    from cookbook.cli.commands.history import hosts_by_digest, opened
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
    from cookbook.reports.text import document_lines

    lines = document_lines(run, verbose=bool(options.verbose))
    heading = ("dim", _heading(run, summary.state))
    asked = hosts_by_digest(summary.desired).items()
    desired = [("dim", f"desired state {digest}: {_some(names)}") for digest, names in asked]
    return run, {**run, "state": summary.state}, [heading, *desired, *lines]


def _some(names: Sequence[str]) -> str:
    """Return the names, or the first ones and the number of the others."""
    more = [f"{len(names) - _NAMES} more"] if len(names) > _NAMES else []
    return ", ".join([*names[:_NAMES], *more])


def _heading(run: Document, state: str) -> str:
    """Return the heading: the operator, the time, the command and the source of the run."""
    origin = f" from {run['origin']}" if run["origin"] else ""
    revision = f" at {run['revision']}" if run["revision"] else ""
    recipes = f" of {', '.join(run['recipes'])}" if run["recipes"] else ""
    ended = "" if state == "finished" else f" ({state})"
    what = f"{run['mode']} {run['run']}{ended}{recipes}{revision}"
    return f"{what}, {run['started']} by {run['by']}{origin}: {' '.join(run['command'])}"
