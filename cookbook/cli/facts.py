"""`cook facts`: what the hosts are."""

from __future__ import annotations

import argparse
from typing import Any

from cookbook.cli.options import add_common, hosts, password
from cookbook.cli.printing import exit_of, print_json, print_table
from cookbook.errors import CookError


def add(command: argparse.ArgumentParser, _name: str) -> None:
    """Declare the options."""
    add_common(command)
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    chosen = hosts(options)
    from cookbook.platform import facts_json
    from cookbook.run import each_host, gather_facts

    secret = password(options)
    shown: dict[str, Any] = {}
    errors: list[CookError] = []
    for host, answer in each_host(chosen, options.forks, lambda h: gather_facts(h, secret)):
        if isinstance(answer, CookError):
            errors.append(answer)
            shown[host.name] = {"error": str(answer)}
        else:
            shown[host.name] = facts_json(answer)
    if options.output == "json":
        print_json({"schema": 1, "hosts": shown})
    else:
        print_table(shown)
    return exit_of(errors)
