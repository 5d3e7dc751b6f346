"""`cook lint`: what in recipes is legal, and yet a mistake or a trap."""

from __future__ import annotations

import argparse
import sys
from itertools import chain
from pathlib import Path

from cookbook.cli.options import add_verbose
from cookbook.cli.output import reader_may_leave


def add(command: argparse.ArgumentParser, _name: str) -> None:
    """Declare the options."""
    command.epilog = (
        "Nothing is run, and no host is contacted. A comment `# noqa: CK102` at a line silences one"
        " rule there. Exit status: 0 without findings, 1 with some."
    )
    command.add_argument(
        "paths",
        nargs="*",
        type=Path,
        metavar="PATH",
        help="recipes, or folders with recipes (the current one)",
    )
    command.add_argument(
        "--hosts", type=Path, metavar="FILE", help="the inventory, for variables that are not used"
    )
    command.add_argument("--fix", action="store_true", help="mend what can be mended")
    for name, text in (
        ("--select", "only these rules; CK1 names all that begin so"),
        ("--ignore", "not these rules"),
    ):
        command.add_argument(
            name, action="append", default=[], type=_codes, metavar="CODE,...", help=text
        )
    command.add_argument("--output", choices=("text", "json", "sarif", "github"), default="text")
    command.add_argument("--rules", action="store_true", help="list the rules")
    command.add_argument("--explain", metavar="CODE", help="say why a rule is one, with an example")
    add_verbose(command)
    command.set_defaults(run=_run)


def _codes(text: str) -> list[str]:
    return [code.strip().upper() for code in text.split(",") if code.strip()]


def _run(options: argparse.Namespace) -> int:
    from cookbook.lint.linter import chosen, explain, fix, lint
    from cookbook.lint.project import Project
    from cookbook.lint.report import FORMATS
    from cookbook.lint.rules import RULES

    with reader_may_leave():
        if options.rules:
            for rule in RULES.values():
                print(f"{rule.code} {rule.name:{28}} {rule.summary}{' [*]' if rule.fixes else ''}")
            return 0
        if options.explain:
            print(explain(options.explain.upper()))
            return 0
        paths = options.paths or [Path()]
        codes = chosen([*chain(*options.select)], [*chain(*options.ignore)])
        if options.fix:
            findings, mended = fix(paths, options.hosts, codes)
        else:
            findings, mended = lint(Project(paths, options.hosts), codes), 0
        sys.stdout.write(FORMATS[options.output](findings, mended))
    return 1 if findings else 0
