"""Users and groups as the name service knows them, by getent(1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from cookbook.provider import Table
from cookbook.shell import Command, sh


def _ask(database: str) -> Callable[[Sequence[str]], Command]:
    # Status 2 says that some key is not there (getent(1)); any other is an error.
    def ask(keys: Sequence[str]) -> Command:
        return sh("getent {} {} || [ $? = 2 ]", database, list(keys))

    return ask


def _split(text: str, keys: Sequence[str]) -> Iterator[tuple[str, str]]:
    """A line by its name, or by its number if it was asked for by that."""
    lines: dict[str, str] = {}
    for line in text.splitlines():
        name, _, number, *_ = [*line.split(":"), "", ""]
        lines |= {name: line, number: line} if number not in lines else {name: line}
    return ((key, f"{lines[key]}\n") for key in keys if key in lines)


PASSWD = Table(_ask("passwd"), _split)
"""passwd(5): name:x:uid:gid:comment:home:shell."""

GROUP = Table(_ask("group"), _split)
"""group(5): name:x:gid:member,member."""
