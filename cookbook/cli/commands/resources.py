"""`cook words`: what a recipe can say."""

from __future__ import annotations

import argparse

from cookbook.cli.options import add_verbose


def add(command: argparse.ArgumentParser, _name: str) -> None:
    """Declare the options."""
    command.add_argument("word", nargs="?")
    add_verbose(command)
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from cookbook.cli.resource_help import describe_word, list_words

    lines = list_words() if options.word is None else describe_word(options.word)
    print("\n".join(lines))
    return 0
