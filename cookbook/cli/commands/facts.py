"""`cook facts`: what the hosts are."""

from __future__ import annotations

import argparse
import functools

from cookbook.cli.options import add_common, hosts, password
from cookbook.cli.output import print_table
from cookbook.cli.per_host import answers, tell


def add(command: argparse.ArgumentParser, _name: str) -> None:
    """Declare the options."""
    add_common(command)
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    chosen = hosts(options)
    from cookbook.hosts.connect import connect, gather_facts
    from cookbook.script.facts import facts_json

    login = functools.partial(connect, become_password=password(options))
    said, errors = answers(chosen, options.forks, lambda h: facts_json(gather_facts(h, login)))
    return tell(options, said, errors, print_table)
