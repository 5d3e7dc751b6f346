"""`cook kitchen`: disposable hosts, and `cook kitchen test`: suites on them."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from cookbook.kitchen import cli

if TYPE_CHECKING:
    from cookbook.inventory.host_driver import HostDriver
    from cookbook.kitchen.suites.report import SuiteReport
    from cookbook.kitchen.suites.stages import StageResult


def add(command: argparse.ArgumentParser, _name: str) -> None:
    """Declare the options."""
    command.set_defaults(run=cli.main)
    cli.add_commands(command, _add_test)


def _add_test(test: argparse.ArgumentParser) -> None:
    """Declare the options of `cook kitchen test`."""
    test.description = "Run the suites of kitchen.yml, each on fresh hosts of each of its releases."
    test.epilog = (
        "Stages: create, converge, again (must change nothing), verify (pytest with testinfra),"
        " drift, undo, destroy. Exit status: 0 all passed, 1 wrong input, 3 a suite failed."
    )
    test.set_defaults(run=_test)
    test.add_argument("suites", nargs="*", metavar="SUITE", help="without one: all")
    test.add_argument(
        "--file", type=Path, default=Path("kitchen.yml"), metavar="FILE", help="(kitchen.yml)"
    )
    test.add_argument(
        "--release",
        action="append",
        default=[],
        dest="releases",
        metavar="R",
        help="only on this Debian, e.g. trixie; may be given again",
    )
    test.add_argument(
        "--parallel", type=_positive, metavar="N", help="suites at the same time (one per CPU)"
    )
    test.add_argument(
        "--keep",
        choices=("never", "failed", "always"),
        default="failed",
        help="the suites whose hosts stay, to be looked at (failed)",
    )
    test.add_argument(
        "--destroy", action="store_true", help="run nothing; remove hosts that were kept"
    )
    test.add_argument("--junit", type=Path, metavar="FILE", help="write JUnit XML, too")
    test.add_argument("--output", choices=("text", "json"), default="text")


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of suites")
    return int(text)


def _test(options: argparse.Namespace) -> int:
    from cookbook.cli.progress import write
    from cookbook.inventory.host_driver import DRIVERS
    from cookbook.kitchen.kitchen import Kitchen
    from cookbook.kitchen.suites.reader import read_suites
    from cookbook.kitchen.suites.report import junit, stage_lines
    from cookbook.kitchen.suites.runner import SuiteRunner, chosen
    from cookbook.plugins.manager import plugins  # it registers the drivers
    from cookbook.reports import write_report

    plugins()
    pairs = chosen(read_suites(options.file, DRIVERS.places), options.suites, options.releases)
    _check_writable(options.junit)
    below = Kitchen(options.folder).folder / "suites"
    runner = SuiteRunner(pairs, _driver, options.file.absolute(), below, options.keep)
    if options.destroy:
        runner.destroy()
        return 0
    runner.check()
    width = max(len(f"{suite.name}-{release}") for suite, release in pairs)
    stream = sys.stderr if options.output == "json" else sys.stdout
    parallel = options.parallel or os.cpu_count() or 1

    def hear(report: SuiteReport, stage: StageResult) -> None:
        write(stage_lines(report, stage, width), stream)

    reports = runner.run(parallel, hear)
    _tell_all(reports, stream, as_json=options.output == "json")
    if options.junit is not None:
        write_report(junit(reports), options.junit, "--junit")
    if runner.interrupted:
        return 130
    return 3 if any(report.failed for report in reports) else 0


def _driver(name: str) -> HostDriver:
    from cookbook.inventory.host_driver import DRIVERS

    return DRIVERS.function(name)()


def _check_writable(path: Path | None) -> None:
    """Raise UsageError now for a report that could not be written after all the suites."""
    if path is not None and (path.is_dir() or not path.absolute().parent.is_dir()):
        from cookbook.errors import UsageError

        raise UsageError(f"--junit {path}: there is no folder for such a file")


def _tell_all(reports: list[SuiteReport], stream: TextIO, *, as_json: bool) -> None:
    """Print what is left and the count; as JSON all results."""
    from cookbook.cli.output import reader_may_leave
    from cookbook.cli.progress import write
    from cookbook.kitchen.suites.report import suites_json, summary_lines

    with reader_may_leave():
        write(summary_lines(reports), stream)
        if as_json:
            sys.stdout.write(json.dumps(suites_json(reports), indent=2) + "\n")
