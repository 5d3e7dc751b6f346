"""
The mechanism of settings in files: the text of the file is asked for, edited here, and replaced.

The precondition of such a change is the whole text, so nothing that was changed meanwhile is
lost. Owner, mode and access list of the file stay, and a program that reads it checks it first.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

from cookbook.provider import ENCODING, Command, Probe, sh
from cookbook.providers.writing import ATTRIBUTES, LABEL, check_beside

ABSENT = 4

NO_FILE = "-"
"""In place of a time of modification: there was no file."""


def digest_of(text: str) -> str:
    """Return what identifies a text."""
    return hashlib.sha256(text.encode(ENCODING, "surrogateescape")).hexdigest()


def ask_text(path: str, *, or_empty: bool = False) -> Probe:
    """
    Return the question for the text of a file; absent if there is no such file.

    With `or_empty` a file that does not exist has an empty text. "Absent" is believed only where
    the folder can be searched; anything but a file is an error.
    """
    ask = sh(
        'p={}; if [ -f "$p" ]; then cat -- "$p"; exit; fi;'
        ' if [ -e "$p" ] || [ -L "$p" ]; then echo "$p is not a file" >&2; exit 13; fi;'
        ' d=${p%/*}; while [ "$d" ] && [ ! -e "$d" ]; do d=${d%/*}; done;'
        ' [ -x "${d:-/}" ] || { echo "cannot look into $d" >&2; exit 13; }; exit {}',
        path,
        0 if or_empty else ABSENT,
    )
    return Probe(replace(ask, called=f"read {path}"), absent=None if or_empty else ABSENT)


def write_text(
    path: str,
    text: str,
    checker: str | None,
    modified: str | None = None,
    *,
    new_mode: str | None = None,
) -> Command:
    """
    Return the command that replaces the text of a file, at once and completely.

    The `checker` has to accept the new file before; None: there is none. `modified` is its time of
    last modification, in seconds since the epoch; None: now; `NO_FILE`: the file is removed. With
    a `new_mode` the file need not exist, and gets that mode.
    """
    if modified == NO_FILE:
        return replace(sh("rm -f -- {}", path), called=f"remove {path}")
    check = check_beside(path, checker) if checker is not None else sh(":")
    touch = sh('touch -d @{} -- "$t"', modified) if modified is not None else sh(":")
    as_it_is = sh('cp -p -- "$p" "$t" && {} && {}', ATTRIBUTES, LABEL)
    if new_mode is not None:
        new = sh('if [ -e "$p" ]; then {}; else chmod {} -- "$t"; fi', as_it_is, new_mode)
        as_it_is = sh("{ {}; }", new)
    command = sh(
        "p=$(readlink -f -- {}) || exit; t=${p%/*}/.cook-$cook_nonce; case ${p##*/} in"
        " ?*.*) t=$t.${p##*.} ;; esac; trap 'rm -f -- \"$t\"' EXIT; trap 'exit 143' HUP INT TERM;"
        ' (umask 077; : >"$t") && {} && printf %s {} >"$t" && {} &&'
        ' {} && sync "$t" && mv -fT -- "$t" "$p"',
        path,
        as_it_is,
        text,
        check,
        touch,
    )
    return replace(command, shown=f"edit {path}", called=f"edit {path}")
