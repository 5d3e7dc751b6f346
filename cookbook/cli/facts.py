"""`cook facts`: what the hosts are."""

from __future__ import annotations

import argparse

from cookbook.cli.each import answers, tell
from cookbook.cli.options import add_common, hosts, password
from cookbook.cli.printing import print_table


def add(command: argparse.ArgumentParser, _name: str) -> None:
    """Declare the options."""
    add_common(command)
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    chosen = hosts(options)
    from cookbook.platform import facts_json
    from cookbook.reach import gather_facts

    secret = password(options)
    said, errors = answers(chosen, options.forks, lambda h: facts_json(gather_facts(h, secret)))
    return tell(options, said, errors, print_table)
