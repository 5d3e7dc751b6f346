"""`cook blame`: which runs changed this, and from which revision."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from cookbook.cli.commands.history import add_last, opened, say_rest, short
from cookbook.cli.durations import ago, local
from cookbook.cli.options import add_output, add_store, add_verbose
from cookbook.cli.output import print_json, reader_may_leave

if TYPE_CHECKING:
    from cookbook.history.records import Blame
    from cookbook.reports.text import StyledLine


def add(command: argparse.ArgumentParser, _name: str) -> None:
    """Declare the options."""
    command.add_argument("resource", metavar="ID", help="e.g. 'file[/etc/nginx/nginx.conf]'")
    command.add_argument("--host", metavar="HOST", help="on this host only")
    add_last(command)
    add_output(command)
    add_store(command)
    add_verbose(command)
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from cookbook.cli.progress import write

    with opened(options.store) as history:
        # One more than is shown tells whether there are more.
        limit = options.last + 1 if options.last else None
        everything = history.blame(options.resource, options.host, limit=limit)
    found = everything[: options.last or None]
    with reader_may_leave():
        if options.output == "json":
            shown = [asdict(one) for one in found]
            print_json({"schema": 1, "resource": options.resource, "changes": shown})
        else:
            write(_lines(found, verbose=bool(options.verbose)), sys.stdout)
            say_rest(options.last, left=len(everything) > len(found))
    return 0


def _lines(found: Sequence[Blame], *, verbose: bool) -> Iterator[StyledLine]:
    from cookbook.reports.text import changes_lines, diff_lines

    if not found:
        yield "dim", "no recorded run has changed it"
    for one in found:
        style = {"changed": "yellow", "failed": "red"}.get(one.status, "magenta")
        revision = f" at {short(one.revision)}" if one.revision else ""
        when = f"{local(one.started)} ({ago(one.started)})"
        back = one.mode == "undo" and one.status == "changed"
        what = one.ran or ("undone" if back else one.status)
        yield style, f"{when}  {one.run}  {one.host}  {what} by {one.by}{revision}  [{one.where}]"
        if one.because and one.because != "undo":
            yield "dim", f"      because {one.because} changed"
        yield from changes_lines(one.changes, one.diff)
        if verbose:
            yield from diff_lines(one.diff)
