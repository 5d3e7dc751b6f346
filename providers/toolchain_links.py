"""
The links in /usr/local/bin by which a toolchain is the default one.

A link belongs to a toolchain if it leads into the folder `bin` of a tree that has a record on the
host; no other link and no file is replaced. The record notes the language, because the default goes
over as a whole: no program of another version of the language keeps its link.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import LiteralString

from cookbook.provider import Command, Probe, sh
from cookbook.providers.trees import record_of_tree

PLACE = "/usr/local/bin"

_HEAD: LiteralString = r"""
p={} m=$cook_home/trees/{} b=/usr/local/bin
cook_programs() { [ ! -e "$m/names" ] ||
sed -n 's,^\./bin/\([^/]*\)$,\1,p' "$m/names" | while IFS= read -r f; do
[ -d "$p/bin/$f" ] || { [ -e "$p/bin/$f" ] && [ ! -x "$p/bin/$f" ]; } || printf '%s\n' "$f"; done; }
cook_of_tree() { case $1 in */bin/*) ;; *) return 1 ;; esac
k=$(printf %s "${1%/bin/*}" | sha256sum); [ -e "$cook_home/trees/$(printf %.32s "$k")/head" ]; }
cook_foreign() { if [ -L "$b/$1" ]; then t=$(readlink -- "$b/$1"); ! cook_of_tree "$t" &&
printf '%s/%s leads to %s' "$b" "$1" "$t"
else [ -e "$b/$1" ] && printf '%s/%s is a file' "$b" "$1"; fi; }
cook_own() { for l in "$b"/*; do [ ! -L "$l" ] || case $(readlink -- "$l") in "$p"/bin/*)
printf '%s\n' "${l##*/}" ;; esac; done; }
cook_others() { for l in "$b"/*; do [ ! -L "$l" ] || { t=$(readlink -- "$l"); case $t in
"$p"/bin/*) ;; *) cook_of_tree "$t" &&
[ "$(cat "$cook_home/trees/$(printf %.32s "$k")/language" 2>/dev/null)" = "$1" ] &&
printf '%s\n' "${l##*/}" ;; esac; }; done; }
"""

_ASK: LiteralString = r"""
{}cook_programs | while IFS= read -r f; do printf 'program %s\0' "$f"
! x=$(cook_foreign "$f") || printf 'foreign %s\0' "$x"
[ "$(readlink -- "$b/$f")" != "$p/bin/$f" ] || printf 'linked %s\0' "$f"; done
cook_own | while IFS= read -r f; do printf 'own %s\0' "$f"; done
[ -e "$m/head" ] || [ ! -d "$p" ] || [ -z "$(ls -A -- "$p")" ] || printf 'full\0'"""

# What there was is told, for an undo: NAME and the former target, or `-`.
_SET: LiteralString = r"""
cook_set() { w=-; [ ! -L "$b/$1" ] || w=$(readlink -- "$b/$1"); [ "$w" != "$2" ] || return 0
if [ "$2" = - ]; then rm -f -- "$b/$1" || exit; else t=$b/.cook-$cook_nonce
mkdir -p -- "$b" && ln -s -- "$2" "$t" && mv -T -- "$t" "$b/$1" || exit; fi
printf 'linked %s %s\n' "$1" "$w"; }
cook_only() { x=$(cat); cook_own | while IFS= read -r f; do
printf '%s\n' "$x" | grep -qxF -e "$f" || cook_set "$f" -; done; }
"""

_LINK: LiteralString = r"""
{}{}[ "$(cook_programs)" ] || { echo "there are no programs in $p/bin to link to" >&2; exit 1; }
cook_programs | while IFS= read -r f; do ! x=$(cook_foreign "$f") || {
echo "$x, which is of no toolchain: remove it first" >&2; exit 1; }; done || exit
cook_programs | while IFS= read -r f; do cook_set "$f" "$p/bin/$f"; done || exit
cook_programs | cook_only; printf '%s\n' {} >"$m/language" || exit
cook_others {} | while IFS= read -r f; do cook_set "$f" -; done"""

_RELINK: LiteralString = r"""
{}{}set -- {}; while [ $# -gt 0 ]; do x=$(cook_foreign "$1") && {
echo "$x, which is of no toolchain: it stays" >&2; shift 2; continue; }
cook_set "$1" "$2"; shift 2; done"""


@dataclass(frozen=True)
class Links:
    """The links to the programs of one toolchain."""

    default: str = "no"
    """yes, no, or partly."""
    foreign: tuple[str, ...] = ()
    """The files and links of others that are in the place of a link."""
    full: bool = False
    """True if the folder has files, and no record."""


def _shell(name: str) -> Command:
    return sh(_HEAD.removeprefix("\n"), name, record_of_tree(name))


def ask_links(name: str) -> Probe:
    """Return the question for the links of the toolchain in this folder."""
    command = sh(_ASK.removeprefix("\n"), _shell(name))
    return Probe(replace(command, called=f"look for links to {name}"))


def parse_links(text: str) -> Links:
    """Return the links in the answer to `ask_links`."""
    pairs = [one.partition(" ")[::2] for one in text.split("\0") if one]
    programs, linked, own, foreign = (
        [value for kind, value in pairs if kind == wanted]
        for wanted in ("program", "linked", "own", "foreign")
    )
    default = "no"
    if own or linked:
        default = "yes" if {*programs} == {*linked} == {*own} else "partly"
    return Links(default, tuple(foreign), ("full", "") in pairs)


def link(name: str, language: str) -> Command:
    """
    Return the command that links to all programs of a toolchain, and tells what was there.

    Links to other toolchains of the language are removed.
    """
    setting = sh(_SET.removeprefix("\n"))
    command = sh(_LINK.removeprefix("\n"), _shell(name), setting, language, language)
    said = f"link the programs of {name} in {PLACE}"
    return replace(command, shown=said, called=said)


def unlink(name: str) -> Command:
    """Return the command that removes all links to a toolchain, and tells which there were."""
    command = sh("{}{}cook_only </dev/null", _shell(name), sh(_SET.removeprefix("\n")))
    said = f"remove the links to {name} from {PLACE}"
    return replace(command, shown=said, called=said)


def relink(name: str, former: Sequence[str]) -> Command:
    """Return the command that sets links as they were: `NAME TARGET`, or `NAME -` for none."""
    words = [word for one in former for word in one.split(" ", 1)]
    command = sh(_RELINK.removeprefix("\n"), _shell(name), sh(_SET.removeprefix("\n")), words)
    said = f"set the former links of {PLACE}"
    return replace(command, shown=said, called=said)


def replaced(said: str) -> tuple[str, ...]:
    """Return the former links, by the output of these commands."""
    lines = [one.removeprefix("linked ") for one in said.splitlines() if one.startswith("linked ")]
    return tuple(one for one in lines if " " in one)
