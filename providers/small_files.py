"""
The mechanism of small files that a type writes as a whole, beside other state that it has.

Their texts are a part of the state. What is more than a few lines is better a `file`: see
`own_file`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import LiteralString

from cookbook.errors import HostError
from cookbook.provider import Command, Table, join, mtime, sh
from cookbook.script.stash import age

# "Not there" is believed only where the folder above can be searched.
_ASK: LiteralString = r"""
for p in {}; do printf '%s\0' "$p"; if [ -f "$p" ]; then printf =; cat -- "$p" || exit
elif [ -e "$p" ] || [ -L "$p" ]; then printf '?'
else printf -- -; d=${p%/*}; while [ "$d" ] && [ ! -e "$d" ]; do d=${d%/*}; done
[ -x "${d:-/}" ] || { echo "cannot look into $d" >&2; exit 13; }; fi; printf '\0'; done
"""


def _ask(paths: Sequence[str]) -> Command:
    return replace(sh(_ASK.strip(), list(paths)), called=f"read {' '.join(paths)}")


def _split(text: str, keys: Sequence[str]) -> Iterator[tuple[str, str]]:
    at = 0
    for key in keys:
        found = re.compile(rf"{re.escape(key)}\0(?:=[^\0]*|[?]|-)\0").match(text, at)
        if found is not None:
            yield key, found[0]
            at = found.end()


TEXT = Table(_ask, _split)
"""The text of a file at a path, or that there is none: there is an answer in any case."""


def parse_text(answer: str | None) -> str | None:
    """
    Return the text in an answer of `TEXT`; None if there is no file.

    Raises HostError if something else than a text file is there.
    """
    if answer is None:
        raise HostError("a file has a NUL in it: it is no text")
    path, text, _end = answer.split("\0")
    if text[:1] not in ("=", "-"):
        raise HostError(f"{path} is not a file", hint="remove it first")
    return text[1:] if text[0] == "=" else None


def write_small(
    path: str,
    text: str,
    modified: str | None = None,
    mode: str = "0644",
    *,
    may_be_empty: bool = False,
) -> Command:
    """
    Return the command that writes a file, or removes it if the text is empty and may not be.

    A file that exists keeps its owner and mode; of a link the target is written. `modified` is the
    time of its last modification, in seconds since the epoch; None: now.
    """
    if not (text or may_be_empty):
        return sh("rm -f -- {}", path)
    touch = sh('touch -d @{} -- "$t"', modified) if modified is not None else sh(":")
    command = sh(
        '(p={}; [ ! -L "$p" ] || p=$(readlink -f -- "$p") || exit;'
        ' t=${p%/*}/.cook-$cook_nonce; trap \'rm -f -- "$t"\' EXIT; umask 077; : >"$t" &&'
        ' { if [ -f "$p" ]; then cp -p -- "$p" "$t"; else chmod {} -- "$t"; fi; } &&'
        ' printf %s {} >"$t" && {} && sync "$t" && mv -fT -- "$t" "$p")',
        path,
        mode,
        text,
        touch,
    )
    return replace(command, called=f"write {path}")


def ages(paths: Sequence[str]) -> Command:
    """Return the command that prints the times of files, a line each; `-` for an absent one."""
    lines = [sh("{ [ ! -f {} ] || {}; } 2>/dev/null || :", path, age(path)) for path in paths]
    return join([sh("{ {}; } | { read -r l; echo {} $l; }", one, "@") for one in lines], "; ")


def times(printed: str) -> list[str | None]:
    """Return the times in the output of `ages`, at least one, in seconds since the epoch."""
    return [mtime(line.removeprefix("@")) for line in printed.splitlines()] or [None]
