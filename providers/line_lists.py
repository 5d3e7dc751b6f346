"""
The mechanism of lists that are text files with a line for each item: /etc/hosts, /etc/fstab.

Only the lines about an item are asked for, and only its line is edited, so items that are
changed in one batch do not disturb each other. An undo puts back the former line at its former
place; if that leads to the former text, the file gets its former time of modification as well.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import LiteralString, TypeVar

from cookbook.provider import Change, Command, Provider, Resource, Table, Thing, hint, mtime, sh
from cookbook.script.stash import age

NO_FILE = "-"
"""In place of a digest: there was no file."""


@dataclass(frozen=True)
class ListItem:
    """The hints for an edit of a line; a subclass adds the state of the item."""

    path: str = hint(default="")
    """Path of the list."""
    raw: str | None = hint()
    """The line, as it was found."""
    at: int = hint(default=0)
    """Its number, from 1; 0: not known."""
    digest: str | None = hint()
    """Digest of the list before the change, or `NO_FILE`."""
    modified: str | None = hint()
    """Time of its last modification then, in seconds since the epoch."""
    own: bool = hint(default=False)
    """True if only cook writes the list: it is removed when its last line goes."""


def key_of(path: str, pattern: str) -> str:
    """Return the key of the lines in a file that match an extended regular expression."""
    return f"{path}\n{pattern}"


_ASK: LiteralString = r"""
set -- {}; while [ $# != 0 ]; do printf '%s\n%s\0' "$1" "$2"
if [ -e "$1" ]; then grep -E -e "$2" -- "$1" || [ $? = 1 ] || exit; fi
printf '\0'; shift 2; done
"""


def _ask(keys: Sequence[str]) -> Command:
    text = sh(_ASK.strip(), [word for key in keys for word in key.split("\n", 1)])
    paths = dict.fromkeys(key.split("\n")[0] for key in keys)
    return replace(text, called=f"read {' '.join(paths)}")


def _split(text: str, keys: Sequence[str]) -> Iterator[tuple[str, str]]:
    at = 0
    for key in keys:
        found = re.compile(rf"{re.escape(key)}\0[^\0]*\0").match(text, at)
        if found is not None:
            yield key, found[0]
            at = found.end()


LINES = Table(_ask, _split)
"""The lines of `key_of`; there is an answer in any case."""


def lines_of(answer: str) -> list[str]:
    """Return the lines in an answer of `LINES`."""
    return answer.split("\0")[1].split("\n")[:-1]


# awk(1) compares what looks like numbers as numbers, unless one of them is text.
_EDIT: LiteralString = r"""
{ if (!done && old != "" && ($0 "") == old) { done = 1; if (new != "") print new; next }
if (!done && old == "" && NR == at) { done = 1; print new }
print }
BEGIN { old = ENVIRON["cook_old"] ""; new = ENVIRON["cook_new"] ""; at = ENVIRON["cook_at"] + 0 }
END { if (!done && old != "") exit 3; if (!done) print new }
"""


def edit_line(
    old: ListItem | None, new: ListItem | None, line: str | None, mode: str = "0644"
) -> Command:
    """
    Return the command that replaces a line, adds it or removes it (`line` is None).

    The sides of the change tell the path, the former line, and what an undo restores.
    """
    side = new or old or ListItem()
    former = old.raw if old is not None and old.raw is not None else ""
    known = next((s for s in (new, old) if s is not None and s.digest is not None), ListItem())
    command = sh(
        '(p={}; [ ! -L "$p" ] || p=$(readlink -f -- "$p") || exit; t=${p%/*}/.cook-$cook_nonce;'
        ' trap \'rm -f -- "$t"\' EXIT; umask 077; : >"$t" && {'
        ' if [ -e "$p" ]; then cp -p -- "$p" "$t"; else chmod {} -- "$t"; fi; } &&'
        " cook_old={} cook_new={} cook_at={} awk {}"
        ' "$([ -e "$p" ] && echo "$p" || echo /dev/null)" >"$t" && was={} own={} && {'
        ' if [ ! -s "$t" ] && { [ "$own" ] || [ "$was" = - ]; }; then rm -f -- "$p"; exit; fi;'
        ' [ "$(sha256sum <"$t")" != "$was  -" ] || touch -d @{} -- "$t"; } &&'
        ' sync "$t" && mv -fT -- "$t" "$p")',
        side.path,
        mode,
        former,
        line or "",
        side.at,
        _EDIT,
        known.digest or "",
        "own" if side.own else "",
        known.modified or "0",
    )
    return replace(command, called=f"edit {side.path}", shown=_shown(side.path, former, line))


def _shown(path: str, former: str, line: str | None) -> str:
    if line is None:
        return f"edit {path}: remove {former!r}"
    return f"edit {path}: {f'{former!r} -> ' if former else ''}{line!r}"


def keep_line(item: ListItem) -> Command:
    """Return the command that prints the digest and age of a list, and the number of its line."""
    return sh(
        'p={}; if [ -e "$p" ]; then d=$(sha256sum <"$p"); echo ${d%% *} $({});'
        ' cook_old={} awk \'($0 "") == (ENVIRON["cook_old"] "") { print NR; exit }\' "$p";'
        " else echo -; fi 2>/dev/null || :",
        item.path,
        age(item.path),
        item.raw or "",
    )


I = TypeVar("I", bound=ListItem)  # noqa: E741 - as R is a resource, and S a state


def with_line(change: Change[I], kept: str) -> Change[I]:
    """Return the change with the output of `keep_line` in both sides."""
    first, _, rest = kept.partition("\n")
    digest, _, when = first.partition(" ")
    if not re.fullmatch("[0-9a-f]{64}|-", digest):
        return change
    number = int(rest) if rest.strip().isascii() and rest.strip().isdigit() else 0

    def known(side: I | None) -> I | None:
        if side is None:
            return None
        return replace(side, digest=digest, modified=mtime(when), at=number or side.at)

    return replace(change, found=known(change.found), wanted=known(change.wanted))


R = TypeVar("R", bound=Resource)


class LineListProvider(Provider[R, I]):
    """A provider of items that are lines; it finds the item, and formats its line."""

    @abstractmethod
    def line(self, name: str, found: I | None, wanted: I) -> str:
        """Return the line of an item."""

    def commands(self, name: str, change: Change[I]) -> Iterable[Command]:
        """Edit the line; one that an undo restores is written as it was."""
        found, wanted = change.found, change.wanted
        line = None
        if wanted is not None:
            line = wanted.raw if wanted.raw is not None else self.line(name, found, wanted)
        yield edit_line(found, wanted, line)

    def keeps(self, name: str, change: Change[I]) -> Command | None:
        """Ask for what an undo restores besides the line."""
        side = change.found or change.wanted
        return keep_line(side) if side is not None else None

    def learned(self, change: Change[I], kept: str, said: str) -> Change[I]:
        """Add it to the change."""
        return with_line(change, kept)

    def alters(self, resource: R, change: Change[I] | None) -> Iterable[Thing]:
        """Yield the item only, because the rest of the list stays as it is."""
        return [Thing(resource.kind(), resource.identity)]

    def back(self, name: str, change: Change[I], now: I | None) -> Change[I]:
        """Return to the former line."""
        before, done = change.found, change.found or change.wanted
        if now is not None and done is not None:
            now = replace(now, digest=done.digest, modified=done.modified)
        return Change(now, before)
