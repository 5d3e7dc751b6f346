"""Users and groups as the name service knows them, by getent(1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import LiteralString

from cookbook.provider import Command, Table, sh


def _ask(database: str) -> Callable[[Sequence[str]], Command]:
    # Status 2 says that some key is not there (getent(1)); 127 that there is no getent(1), as in
    # a busybox alone, which has no name service but the file; any other is an error.
    def ask(keys: Sequence[str]) -> Command:
        able = [key for key in keys if _can_be(key)]
        if not able:
            return sh(":")
        text = sh(_ASK, database, able, able, f"/etc/{database}")
        return replace(text, called=sh("getent {} {}", database, able).shown)

    return ask


_ASK: LiteralString = (
    "getent {} {} || case $? in 2) ;; 127) for k in {}; do"
    ' k=$k awk -F: \'$1 == ENVIRON["k"] || $3 == ENVIRON["k"] { print; exit }\' {}'
    " || exit; done ;; *) exit 1 ;; esac"
)


def _can_be(key: str) -> bool:
    """
    Return whether the key can be a name or a number.

    getent(1) reads numbers as strtoul(3) does: "", " 0" and 4294967296 are root to it.
    """
    if key.isascii() and key.isdigit():
        return key == str(int(key)) and int(key) < _NOBODY
    return bool(key) and not key[0].isspace() and key[0] not in "+-" and not _NEVER & set(key)


_NEVER = frozenset(":\n\0")
_NOBODY = 2**32 - 1


def _split(text: str, keys: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield a line for each name, or number if it was asked for by that."""
    lines: dict[str, str] = {}
    for line in text.split("\n"):
        name, _, number, *_ = [*line.split(":"), "", ""]
        lines |= {name: line, number: line} if number not in lines else {name: line}
    return ((key, f"{lines[key]}\n") for key in keys if key in lines and _can_be(key))


PASSWD = Table(_ask("passwd"), _split)
"""passwd(5): name:x:uid:gid:comment:home:shell."""

GROUP = Table(_ask("group"), _split)
"""group(5): name:x:gid:member,member."""


def people(table: str) -> Iterator[str]:
    """Yield the names in passwd(5) or group(5) that are not of the system: from 1000 on."""
    for line in table.splitlines():
        name, _, rest = line.partition(":")
        number = rest.split(":")[1:2]
        if number and number[0].isdigit() and 1000 <= int(number[0]) < 60000:
            yield name
