"""Do a run, tell of it while it happens, and print what came of it."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from cookbook.cli.printing import print_json, reader_may_leave
from cookbook.plugins import listening
from cookbook.show import Progress, report_lines, write

if TYPE_CHECKING:
    from cookbook.report import Report
    from cookbook.run import Runner


def execute(
    runner: Runner, options: argparse.Namespace, progress: Progress | None = None
) -> Report:
    """One run, from its beginning to its report."""
    report = watch(runner, progress or Progress())
    print_report(report, options)
    return report


def watch(runner: Runner, progress: Progress) -> Report:
    """One run, and who tells of it meanwhile."""
    with listening(progress):
        return runner.execute()


def print_report(report: Report, options: argparse.Namespace) -> None:
    """What came of it, in the form that was asked for."""
    with reader_may_leave():
        if options.output == "json":
            from cookbook.report import report_json

            print_json(report_json(report))
        else:
            write(report_lines(report, verbose=bool(options.verbose)), sys.stdout)
