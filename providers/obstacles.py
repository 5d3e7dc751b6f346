"""Obstacles to a change of a path: links of other users, read-only places."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import LiteralString

from cookbook.errors import HostError
from cookbook.provider import Command, Table, sh

# A link counts if its owner is neither root nor the user who acts here, and its folder can be
# written by such a user. `[ -w ]` is false for root where the file is immutable or its file
# system is read-only, but true in an append-only folder. Only what is found costs a process;
# one stat(1) for all links, and one lsattr(1) for all paths. A precondition (`cook_guards`) does
# without that where the answer that it expects names no such folder, because a change says the
# same by failing.
_ASK: LiteralString = r"""
l='
'
cook_found() { [ "$said" ] || printf '%s\0' "$p"; said=1; printf '%s\t%s\n' "$1" "$2"; }
cook_owners() { n=$#
for p; do q=$p; while [ "$q" ]; do [ ! -L "$q" ] || set -- "$@" "$q"; q=${q%/*}; done; done
shift $n; exec stat -c '%u %n' -- "$@"; }
cook_link() { o=$(stat -c %u -- "$1") || exit; d=${1%/*}
[ "$o" != 0 ] && [ "$o" != "$me" ] || return 0
f=$(stat -L -c '%u %A' -- "${d:-/}") || exit
case $f in "0 "?????-??-*|"$me "?????-??-*) return 0 ;; esac
cook_found link "$(stat -c %U -- "$1") $1"; }
cook_fixed() { if case $(lsattr -d -- "$1" 2>/dev/null) in [!\ ]*i*\ /*) ;; *) false ;; esac
then cook_found immutable "$1"
elif case $(findmnt -n -o OPTIONS -T "$1" 2>/dev/null) in ro|ro,*) ;; *) false ;; esac
then cook_found read-only "$1"; fi; }
cook_appended() { n=$# last=
for p; do d=${p%/*}; d=${d:-/}
[ "$d" = "$last" ] || [ ! -d "$d" ] || { last=$d; set -- "$@" "$d"; }
[ ! -e "$p" ] || set -- "$@" "$p"; done; shift $n
[ $# != 0 ] || exit; set -f; IFS=$l
for a in $(lsattr -d -- "$@" 2>/dev/null); do case ${a%% *} in
*[!-A-Za-z]*) ;; *a*) printf '%s\n' "${a#* }" ;; esac; done; }
set -- {}; appended= owners=
if [ -O / ]; then me=0
[ "$cook_guards" ] || appended=$(cook_appended "$@")
else me=$(id -u); fi
for p; do said=; q=$p
while [ "$q" ]; do if [ -L "$q" ]; then
[ "$owners" ] || owners=$l$(cook_owners "$@")$l
case $owners in *"${l}0 $q$l"*|*"$l$me $q$l"*) ;; *) cook_link "$q" ;; esac
[ -e "$q" ] || case $(stat -L -- "$q" 2>&1) in
*"oo many "*|*"link loop"*) cook_found loop "$q" ;; esac
fi; q=${q%/*}; done
d=${p%/*}; d=${d:-/}
if [ -O / ] && [ -d "$d" ]; then
if [ ! -w "$d" ]; then cook_fixed "$d"
elif [ -e "$p" ] && [ ! -L "$p" ] && [ ! -w "$p" ]; then cook_fixed "$p"; fi
if [ "$appended" ]; then for q in "$d" "$p"; do case $l$appended$l in
*"$l$q$l"*) cook_found append-only "$q" ;; esac; done; fi; fi
[ -z "$said" ] || printf '\0'; done
"""


def _ask(paths: Sequence[str]) -> Command:
    text = sh(_ASK.strip(), list(paths))
    return replace(text, called=f"look for what is in the way of {' '.join(paths)}")


def _split(text: str, keys: Sequence[str]) -> Iterator[tuple[str, str]]:
    words = text.split("\0")
    found = dict(zip(words[0::2], words[1::2], strict=False))
    return ((key, f"{key}\0{found[key]}\0") for key in keys if key in found)


OBSTACLES = Table(_ask, _split)
"""The obstacles to a change of a path, a line each."""


TOLD = "declare the path that it points to, or act as that user: become_user"


def refuse_links(path: str, said: str | None, *, follows: bool, hint: str = TOLD) -> None:
    """
    Raise HostError if the answer of `OBSTACLES` names a link of another user.

    The link at the path itself counts only if the change `follows` it.
    """
    for kind, what in _lines(said):
        owner, _, link = what.partition(" ")
        if kind == "link" and (follows or link != path):
            raise HostError(
                f"{link} is a symbolic link of the user {owner}, in a folder that {owner} or"
                " others may write: it is not followed",
                hint=hint,
            )


def refuse_loops(path: str, said: str | None, *, follows: bool) -> None:
    """Raise HostError if the answer names links that lead to each other; see `refuse_links`."""
    for kind, what in _lines(said):
        if kind == "loop" and (follows or what != path):
            raise HostError(
                f"{what} is a symbolic link in a loop of links: it leads to no file",
                hint=f"`namei -l {what}` on the host shows them: remove one of them first",
            )


def refuse_fixed(path: str, said: str | None, *, replaces: bool) -> None:
    """
    Raise HostError if the answer says that nothing can be changed there, not even by root.

    In an append-only folder only a change that `replaces` or removes something is impossible.
    """
    for kind, what in _lines(said):
        if kind == "append-only" and (replaces or what == path):
            inside = "" if what == path else ": nothing in it can be replaced or removed"
            raise HostError(
                f"{what} is marked append-only{inside}",
                hint=f"`lsattr -d {what}` shows it; `chattr -a {what}` takes the mark away",
            )
        if kind == "immutable":
            raise HostError(
                f"{what} is marked immutable",
                hint=f"`lsattr -d {what}` shows it; `chattr -i {what}` takes the mark away",
            )
        if kind == "read-only":
            raise HostError(
                f"{what} is on a file system that is mounted read-only",
                hint=f"`findmnt -T {what}` shows which; errors of a disk make one read-only, too",
            )


def _lines(said: str | None) -> Iterator[tuple[str, str]]:
    for line in (said or "").split("\0")[1:2]:
        for one in line.splitlines():
            kind, _, what = one.partition("\t")
            yield kind, what
