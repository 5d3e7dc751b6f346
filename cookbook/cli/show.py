"""`cook show`: what a saved plan says."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from cookbook.cli.options import add_key, add_verbose, plan_key


def add(command: argparse.ArgumentParser, _name: str) -> None:
    """Declare the options."""
    command.add_argument("plan", type=Path, metavar="PLANFILE")
    add_key(command)
    add_verbose(command)
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from cookbook.planfile import load
    from cookbook.show import report_lines, write

    saved = load(options.plan, plan_key(options))
    write([("dim", saved.heading)], sys.stdout)
    write(report_lines(saved.report, verbose=bool(options.verbose)), sys.stdout)
    return 0
