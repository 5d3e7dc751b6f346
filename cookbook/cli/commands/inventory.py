"""`cook inventory`: the hosts, and where each value is from."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from cookbook.cli.options import add_common, add_variables, load_inventory, variables
from cookbook.cli.output import plain, print_json
from cookbook.inventory import Inventory
from cookbook.text.spans import span_of


def add(command: argparse.ArgumentParser, _name: str) -> None:
    """Declare the options."""
    add_common(command)
    add_variables(command)
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    found, given = load_inventory(options), variables(options.variables)
    chosen = found.select(options.limit)
    shown = {
        host.name: [
            {"key": o.key, "value": plain(o.value), "level": o.level, "at": o.at, "used": o.used}
            for o in found.explain(host.name, given=given)
        ]
        for host in chosen
    }
    if options.output == "json":
        sources = [asdict(source) for source in found.sources]
        print_json({"schema": 1, "hosts": shown, "sources": sources})
    else:
        _print_sources(found)
        _print(shown, verbose=bool(options.verbose))
    found.check(chosen, given)  # after what it is about was shown
    return 0


def _print_sources(found: Inventory) -> None:
    from cookbook.text.sanitize import one_line

    for source in found.sources:
        age = "asked now" if source.age is None else f"asked {span_of(source.age)} ago"
        failed = "; it fails now" if source.failure else ""
        print(one_line(f"{source.at} {source.name}: {source.hosts} hosts, {age}{failed}"))


def _print(shown: Mapping[str, Any], *, verbose: bool) -> None:
    from cookbook.text.sanitize import one_line

    for name, origins in shown.items():
        print(one_line(name))
        for o in origins:
            where = f"{o['level']} {o['at']}".strip()
            over = "" if o["used"] else "  (overridden)"
            if o["level"] != "built-in" or verbose:
                print(one_line(f"  {o['key']} = {o['value']}  [{where}]{over}"))
