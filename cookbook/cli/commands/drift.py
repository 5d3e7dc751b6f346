"""`cook drift`: the hosts that differ from their declaration, since when, and by which cause."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from cookbook.cli.options import (
    add_facts_age,
    add_hosts,
    add_limits,
    add_metrics,
    add_record,
    add_reports,
    add_set,
    add_verbose,
    features,
    fleet,
    hosts,
    limits,
    load_inventory,
    origin,
    password,
    variables,
)
from cookbook.cli.recipes import add_recipes, add_selection, chosen, warn_without

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cookbook.language.resource import Resource
    from cookbook.reports.report import Report


def add(command: argparse.ArgumentParser, _name: str) -> None:
    """Declare the options."""
    from cookbook.plugins.manager import plugins
    from cookbook.reports import FORMATS

    plugins()  # they may bring a format
    add_recipes(command)
    add_selection(command)
    add_hosts(command)
    add_set(command)
    add_limits(command)
    add_facts_age(command)
    command.add_argument(
        "--format", "--output", choices=list(FORMATS.all), default="text", dest="output"
    )
    add_reports(command)
    add_metrics(command)
    add_record(command, default=False)
    command.add_argument(
        "--ignore",
        action="append",
        default=[],
        metavar="FILE|PATTERN=REASON",
        dest="ignores",
        help="drift to ignore: a file (docs/reports.md), or 'file[/etc/*]=reason until "
        "2026-12-31'; may be given again",
    )
    command.add_argument(
        "--unmanaged",
        metavar="TYPE,...",
        help="report also what is on a host and not declared: things of these resource types "
        "(user, package, cron ...), or of `all` that can be listed",
    )
    add_verbose(command)
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from datetime import datetime

    from cookbook.cli.running import execute
    from cookbook.history.drift import annotated
    from cookbook.history.ignore_rules import ignores
    from cookbook.run.options import Run
    from cookbook.run.runner import Runner

    excused, everything = ignores(options.ignores), load_inventory(options)
    choice = chosen(options, hosts(options, everything))
    warn_without(choice)
    today = datetime.now().astimezone().date()
    given, secret = variables(options.variables), password(options)
    run = Run(
        "drift",
        choice.recipes,
        choice.hosts,
        given,
        options.forks,
        secret,
        inventory=None if options.local else options.hosts,
        set=options.set or "",
        **choice.options,
        features=features(options, given),
        unmanaged=_audited(options.unmanaged),
        **limits(options),
        **origin(options),
        **fleet(options, everything),
    )

    def with_past(report: Report) -> Report:
        from cookbook.cli.commands.history import opened

        with opened(options.store) as history:
            return annotated(report, history, excused, today)

    return execute(Runner(run), options, with_past).exit


def _audited(names: str | None) -> Sequence[type[Resource]]:
    """
    Return the resource types that `--unmanaged` names.

    Raises UsageError for a type that is unknown, or whose things cannot be listed.
    """
    if names is None:
        return ()
    from cookbook.errors import UsageError
    from cookbook.plugins.manager import catalog
    from cookbook.plugins.registry import kinds
    from cookbook.text.suggest import did_you_mean

    def is_listed(kind: type[Resource]) -> bool:
        catalog().load(kind)
        offers = (offer.provider for offer in kind.providers)
        return any(one.everything() is not None for one in offers)

    known = kinds()
    chosen = list(known) if names == "all" else [name.strip() for name in names.split(",")]
    for name in chosen:
        if name not in known:
            raise UsageError(
                f"--unmanaged: there is no resource type {name!r}", hint=did_you_mean(name, known)
            )
    listed = [known[name] for name in chosen if is_listed(known[name])]
    if names != "all" and len(listed) < len(chosen):
        without = next(name for name in chosen if not is_listed(known[name]))
        able = ", ".join(sorted(name for name, kind in known.items() if is_listed(kind)))
        raise UsageError(
            f"--unmanaged: the things of {without} cannot be listed", hint=f"these can: {able}"
        )
    return listed
