"""`cook apply`: a saved plan, exactly."""

from __future__ import annotations

import argparse
from pathlib import Path

from cookbook.cli.options import (
    add_common,
    add_record,
    add_reports,
    add_wait,
    hosts,
    password,
    wait,
)


def add(command: argparse.ArgumentParser, _name: str) -> None:
    """Declare the options."""
    command.add_argument("plan", type=Path, metavar="PLANFILE")
    add_common(command)
    add_record(command, default=True)
    add_wait(command)
    add_reports(command)
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from cookbook.saved import load

    saved = load(options.plan)
    chosen = saved.choose(hosts(options), limited=bool(options.limit))
    from cookbook.cli.execute import execute
    from cookbook.run import Run, Runner

    secret = password(options)
    run = Run("apply", (), chosen, {}, options.forks, secret, saved=saved, wait=wait(options))
    return execute(Runner(run), options).exit
