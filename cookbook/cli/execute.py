"""Do a run, tell of it while it happens, and print what came of it."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from cookbook.cli.printing import print_json, reader_may_leave
from cookbook.cli.recording import recording
from cookbook.plugins import listening
from cookbook.show import Progress, report_lines, write

if TYPE_CHECKING:
    from cookbook.report import Report
    from cookbook.run import Runner


def look(runner: Runner, options: argparse.Namespace, *, loud: bool) -> Report:
    """A run that only looks, before the one that acts; it is not recorded."""
    with listening(Progress()):
        report = runner.execute()
    if loud or report.exit not in (0, 2):
        _print(report, options)
    return report


def execute(runner: Runner, options: argparse.Namespace) -> Report:
    """One run, from its beginning to its report."""
    with recording(options):
        with listening(Progress()):
            report = runner.execute()
        _print(report, options)
    return report


def _print(report: Report, options: argparse.Namespace) -> None:
    with reader_may_leave():
        if options.output == "json":
            from cookbook.report import report_json

            print_json(report_json(report))
        else:
            write(report_lines(report, verbose=bool(options.verbose)), sys.stdout)
