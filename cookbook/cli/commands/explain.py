"""`cook explain`: what an error means and what to do about it; words of Ansible and Chef."""

from __future__ import annotations

import argparse

from cookbook.cli.options import add_verbose
from cookbook.cli.output import reader_may_leave


def add(command: argparse.ArgumentParser, _name: str) -> None:
    """Declare the options."""
    command.add_argument(
        "code",
        nargs="?",
        help="as a report names it: link-lost; or a word of Ansible or Chef: lineinfile",
    )
    add_verbose(command)
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from cookbook.cli.error_help import explanations, summary

    known = explanations()
    with reader_may_leave():
        if options.code is None:
            width = max(map(len, known))
            for code, text in known.items():
                print(f"{code:{width}}  {summary(text)}")
        else:
            print(_explained(options.code, known))
    return 0


def _explained(code: str, known: dict[str, str]) -> str:
    if code in known:
        return known[code]
    from cookbook.errors import UsageError
    from cookbook.language.recipe_hints import counterpart, counterparts
    from cookbook.text.suggest import did_you_mean

    if (elsewhere := counterpart(code)) is not None:
        return elsewhere
    near = did_you_mean(code, [*known, *counterparts()])
    raise UsageError(
        f"there is no error {code!r}",
        hint=near or "`cook explain` lists them",
    )
