"""Hints for misspelt commands and options, and for options of Chef and Ansible."""

from __future__ import annotations

import re
from collections.abc import Iterable

from cookbook.text.suggest import did_you_mean

_ELSEWHERE = {
    "--check": "`cook plan` shows the changes and makes none",
    "--why-run": "`cook plan` shows the changes and makes none",
    "--dry-run": "`cook plan` shows the changes and makes none",
    "--diff": "every plan and report shows the differences",
    "--inventory": "the option is --hosts",
    "-i": "the option is --hosts",
    "--extra-vars": "the option is --set key=value",
    "-e": "the option is --set key=value",
    "--become-password": "the option is -K; it asks for the password",
}
"""Options of other tools, and what cook has instead."""


def hint_for(message: str, commands: Iterable[str], options: Iterable[str]) -> str | None:
    """Return a hint for a message of argparse; None if nothing is near."""
    if found := re.search(r"unrecognized arguments: (\S+)", message):
        given = found[1].partition("=")[0]
        return _ELSEWHERE.get(given) or did_you_mean(given, options)
    if found := re.search(r"argument COMMAND: invalid choice: '([^']*)'", message):
        return did_you_mean(found[1], commands)
    return None
