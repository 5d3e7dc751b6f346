"""
The mechanism of settings in files: the text of the file is asked for, edited here, and replaced.

The precondition of such a change is the whole text, so nothing that was changed meanwhile is
lost. Owner, mode and access list of the file stay, and a program that reads it checks it first.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

from cookbook.provider import ENCODING, Command, Probe, sh
from cookbook.providers.checkers import checker_of
from cookbook.providers.writing import ATTRIBUTES, LABEL, check_beside

ABSENT = 4


def digest_of(text: str) -> str:
    """Return what identifies a text."""
    return hashlib.sha256(text.encode(ENCODING, "surrogateescape")).hexdigest()


def ask_text(path: str) -> Probe:
    """
    Return the question for the text of a file; absent if there is no such file.

    "Absent" is believed only where the folder can be searched; anything but a file is an error.
    """
    ask = sh(
        'p={}; if [ -f "$p" ]; then cat -- "$p"; exit; fi;'
        ' if [ -e "$p" ] || [ -L "$p" ]; then echo "$p is not a file" >&2; exit 13; fi;'
        ' d=${p%/*}; while [ "$d" ] && [ ! -e "$d" ]; do d=${d%/*}; done;'
        ' [ -x "${d:-/}" ] || { echo "cannot look into $d" >&2; exit 13; }; exit 4',
        path,
    )
    return Probe(ask, absent=ABSENT)


def write_text(path: str, text: str, modified: str | None = None) -> Command:
    """
    Return the command that replaces the text of an existing file, at once and completely.

    `modified` is its time of last modification, in seconds since the epoch; None: now.
    """
    checker = checker_of(path)
    check = check_beside(path, checker) if checker is not None else sh(":")
    touch = sh('touch -d @{} -- "$t"', modified) if modified is not None else sh(":")
    command = sh(
        "p=$(readlink -f -- {}) || exit; t=${p%/*}/.cook-$cook_nonce; case ${p##*/} in"
        " ?*.*) t=$t.${p##*.} ;; esac; trap 'rm -f -- \"$t\"' EXIT; trap 'exit 143' HUP INT TERM;"
        ' (umask 077; : >"$t") && cp -p -- "$p" "$t" && {} && {} && printf %s {} >"$t" && {} &&'
        ' {} && sync "$t" && mv -fT -- "$t" "$p"',
        path,
        ATTRIBUTES,
        LABEL,
        text,
        check,
        touch,
    )
    return replace(command, shown=f"edit {path}", called=f"edit {path}")
