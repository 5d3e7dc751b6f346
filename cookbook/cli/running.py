"""Do a run, tell of it while it happens, and print what came of it."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from cookbook.cli.output import reader_may_leave
from cookbook.cli.progress import Progress, write
from cookbook.cli.recording import finish_shipping, recording
from cookbook.plugins.manager import listening, plugins
from cookbook.plugins.traces import tracing
from cookbook.reports import format_of, render, write_reports

if TYPE_CHECKING:
    from cookbook.reports.report import Report
    from cookbook.reports.schema import Document
    from cookbook.run.runner import Runner


def watch(runner: Runner, progress: Progress) -> Report:
    """Run without a record; show its progress."""
    with listening(progress):
        return runner.execute()


def look(runner: Runner, options: argparse.Namespace, *, loud: bool) -> Report:
    """
    Make a plan that precedes a run; it is not recorded.

    If nothing follows it, the requested reports are written.
    """
    check_reports(options)
    report = watch(runner, Progress())
    if report.exit not in (0, 2):
        print_report(report, options)
    elif loud:
        from cookbook.reports.report import report_json

        with reader_may_leave():
            print_document(report_json(report), options)
    return report


def execute(
    runner: Runner,
    options: argparse.Namespace,
    annotate: Callable[[Report], Report] = lambda report: report,
    progress: object | None = None,
) -> Report:
    """
    One run, from its beginning to its report.

    `annotate` adds to the report what the run itself cannot know; `progress` is the listener that
    shows it, another one than usual. Raises UsageError before the run
    for a report in no known format, CookError after it for one that could not be written.
    """
    check_reports(options)
    began = time.time()
    try:
        with recording(options), tracing(), listening(progress or Progress()):
            report = runner.execute(annotate)
        print_report(report, options)
        if getattr(options, "metrics", None) is not None:
            from cookbook.reports.report import report_json

            add_metrics_of(report_json(report), options, began)
        return report
    finally:
        finish_shipping(options)


def add_metrics_of(document: Document, options: argparse.Namespace, began: float) -> None:
    """Add a run to the metrics in a file, if that is wanted; see `cookbook.watch.metrics`."""
    if (metrics := getattr(options, "metrics", None)) is not None:
        from cookbook.watch.metrics import add_run

        add_run(metrics, document, began, _warn)


def _warn(text: str) -> None:
    write([("yellow", f"cook: {text}")], sys.stderr)


def check_reports(options: argparse.Namespace) -> None:
    """Raise UsageError for a report in no known format, and for metrics without their library."""
    if getattr(options, "metrics", None) is not None:
        from cookbook.watch.metrics import check_library

        check_library()
    if options.reports:
        plugins()  # they may bring a format
    for path in options.reports:
        format_of(path)


def print_report(report: Report, options: argparse.Namespace) -> None:
    """
    Print the report, and write the requested report files.

    Raises CookError for one that could not be written.
    """
    from cookbook.reports.report import report_json

    document = report_json(report)
    with reader_may_leave():
        print_document(document, options)
    write_reports(document, options.reports)


def print_document(document: Document, options: argparse.Namespace) -> None:
    """Print a report on standard output, in the format that the options name."""
    if options.output == "text":
        from cookbook.reports.text import document_lines

        write(document_lines(document, verbose=bool(options.verbose)), sys.stdout)
    else:
        sys.stdout.write(render(document, options.output))
