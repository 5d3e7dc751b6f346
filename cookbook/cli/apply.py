"""`cook apply`: a saved plan, exactly."""

from __future__ import annotations

import argparse
from pathlib import Path

from cookbook.cli.options import add_common, add_key, hosts, password, plan_key


def add(command: argparse.ArgumentParser, _name: str) -> None:
    """Declare the options."""
    command.add_argument("plan", type=Path, metavar="PLANFILE")
    add_key(command)
    add_common(command)
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from cookbook.planfile import load

    saved = load(options.plan, plan_key(options))
    chosen = saved.choose(hosts(options), limited=bool(options.limit))
    from cookbook.cli.execute import execute
    from cookbook.run import Run, Runner

    secret = password(options)
    run = Run("apply", (), chosen, {}, options.forks, secret, saved=saved)
    return execute(Runner(run), options).exit
