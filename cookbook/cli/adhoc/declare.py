"""`cook declare 'package("htop")'`: resources from the command line, without a recipe file."""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

from cookbook.cli.options import (
    add_common,
    add_facts_age,
    add_features,
    add_limits,
    add_record,
    add_reports,
    add_safety,
    add_variables,
    add_wait,
    features,
    fleet,
    hosts,
    limits,
    load_inventory,
    origin,
    password,
    safety,
    variables,
    wait,
)
from cookbook.cli.review import add_questions, add_review, converge, reviewing
from cookbook.cli.running import execute


def add(command: argparse.ArgumentParser, _name: str) -> None:
    """Declare the options."""
    command.add_argument(
        "expressions",
        nargs="+",
        metavar="RESOURCE",
        help="as in a recipe, without imports: 'package(\"htop\")'; several are done in this order",
    )
    command.add_argument(
        "--plan", action="store_true", help="show what would be done; change nothing"
    )
    add_variables(command)
    add_features(command)
    add_review(command)
    add_common(command)
    add_record(command, default=True)
    add_wait(command)
    add_safety(command)
    add_limits(command)
    add_facts_age(command)
    add_reports(command)
    add_questions(command)
    command.set_defaults(run=_run, record=None)


def _run(options: argparse.Namespace) -> int:
    everything = load_inventory(options)
    chosen = hosts(options, everything)
    from cookbook.language.inline import inline_recipe
    from cookbook.plugins.recipe_names import names_in
    from cookbook.run.options import Run

    text = "\n".join(options.expressions)
    recipe = inline_recipe("declare", text, Path.cwd(), names_in(text))
    given = variables(options.variables)
    run = Run(
        "plan" if options.plan else "converge",
        [recipe],
        chosen,
        given,
        options.forks,
        password(options),
        inventory=options.hosts,
        set=_set_of(text),
        wait=wait(options),
        features=features(options, given),
        **safety(options),
        **limits(options),
        **origin(options),
        **fleet(options, everything),
    )
    if options.record is None:
        options.record = not options.plan
    with reviewing(options):
        if not options.plan:
            return converge(run, options).exit
        from cookbook.run.runner import Runner

        return execute(Runner(run), options).exit


def _set_of(text: str) -> str:
    """
    Return the name of the set of these resources in the manifests of hosts.

    Each text is a set of its own: what was declared by another one is not orphaned by this one.
    """
    from cookbook.history.records import AD_HOC

    return f"{AD_HOC}{hashlib.sha256(text.encode()).hexdigest()[:12]}"
