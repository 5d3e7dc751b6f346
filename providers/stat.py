"""What is at a path, by stat(1) and sha256sum(1): one process for many paths."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import LiteralString

from cookbook.provider import Table
from cookbook.shell import Command, sh

# Which of the paths there are is asked of the shell itself, without a process for each.
# "Not there" is believed only where the folder above can be searched.
_EXISTING: LiteralString = """\
set -- {}; for p; do if [ -e "$p" ] || [ -L "$p" ]; then set -- "$@" "$p"; else
d=${p%/*}; while [ "$d" ] && [ ! -e "$d" ]; do d=${d%/*}; done
[ -x "${d:-/}" ] || { echo "cannot look into $d" >&2; exit 13; }; fi; shift; done
"""

_FORMAT = "%f %u %g %s %U %G %n"
_LINE = re.compile(r"([0-9a-f]+) (\d+) (\d+) (\d+) (\S+) (\S+) ")


@dataclass(frozen=True, slots=True)
class Stat:
    """One path, as stat(2) sees it."""

    kind: str
    """file, directory, symlink, fifo, socket, character device, block device."""

    mode: str
    """Permissions, as four octal digits."""

    uid: str
    gid: str
    size: int
    owner: str
    """Its owner's name; the number where there is no name."""

    group: str


def _ask(flags: LiteralString) -> Table:
    def ask(paths: Sequence[str]) -> Command:
        command = f"stat {flags} -c {{}} -- "
        return sh(_EXISTING + f'[ $# = 0 ] || {command}"$@"', list(paths), _FORMAT)

    return Table(ask, _split)


def _split(text: str, keys: Sequence[str]) -> Iterator[tuple[str, str]]:
    """A line ends with the path itself, whatever is in it: so look for the next key there."""
    at = 0
    for key in keys:
        if (m := _LINE.match(text, at)) and text.startswith(f"{key}\n", m.end()):
            end = m.end() + len(key) + 1
            yield key, text[at:end]
            at = end


STAT = _ask("")
"""What is at the path itself: a symbolic link is a symbolic link."""

TARGET = _ask("-L")
"""What is at the end of symbolic links; nothing, if they dangle."""


def parse_stat(text: str) -> Stat:
    """One line of `STAT` or `TARGET`."""
    m = _LINE.match(text)
    if m is None:
        raise ValueError(f"no answer of stat: {text!r}")
    mode, uid, gid, size, owner, group = m.groups()
    bits = int(mode, 16)
    return Stat(
        _KINDS.get(stat.S_IFMT(bits), "unknown"),
        f"{stat.S_IMODE(bits):04o}",
        uid,
        gid,
        int(size),
        uid if owner == "UNKNOWN" else owner,
        gid if group == "UNKNOWN" else group,
    )


_KINDS = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "symlink",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "character device",
    stat.S_IFBLK: "block device",
}


def _ask_digests(paths: Sequence[str]) -> Command:
    return sh(
        'set -- {}; for p; do [ -f "$p" ] && set -- "$@" "$p"; shift; done\n'
        '[ $# = 0 ] || sha256sum -- "$@"',
        list(paths),
    )


def _split_digests(text: str, keys: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Names with a backslash or a newline are escaped, and marked by a backslash in front."""
    lines = dict(_digest_line(line) for line in text.splitlines(keepends=True))
    return ((key, lines[key]) for key in keys if key in lines)


def _digest_line(line: str) -> tuple[str, str]:
    _, _, name = line.rstrip("\n").partition("  ")
    if line.startswith("\\"):
        name = re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], name)
    return name, line


SHA256 = Table(_ask_digests, _split_digests)
"""The digest of what a regular file has in it, links followed."""


def parse_digest(text: str) -> str:
    """The digest in one line of `SHA256`."""
    return text.lstrip("\\")[:64]
