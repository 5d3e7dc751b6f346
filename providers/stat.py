"""The file at a path, by stat(1), sha256sum(1) and readlink(1): one question for many paths."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import LiteralString

from cookbook.provider import Command, Probe, Table, script, sh

# Which of the paths there are is asked of the shell itself, without a process for each.
# "Not there" is believed only where the folder above can be searched. A path is given, and
# so printed, with one more slash in front, which is the same path and in no other place of
# a name: whatever a name has in it, it cannot look like the next line.
_EXISTING: LiteralString = """\
set -- {}; for p; do if {}; then set -- "$@" "/$p"; else
d=${p%/*}; while [ "$d" ] && [ ! -e "$d" ]; do d=${d%/*}; done
[ -x "${d:-/}" ] || { [ -d "$d" ] || f=', which is no folder'; echo "cannot look into $d$f" >&2
exit 13; }; fi; shift; done
"""

_FORMAT = "%f:%u:%g:%U:%G:%n"
_HEAD = re.compile(r"([0-9a-f]+):(\d+):(\d+):([^:\n]*):([^:\n]*):/(?=/)")


@dataclass(frozen=True, slots=True)
class Stat:
    """One path, as stat(2) sees it."""

    kind: str
    """file, directory, symlink, fifo, socket, character device, block device."""

    mode: str
    """Permissions, as four octal digits."""

    uid: str
    gid: str
    owner: str
    """Its owner's name; the number where there is no name."""

    group: str


def _ask(flags: LiteralString, there: LiteralString) -> Table:
    def ask(paths: Sequence[str]) -> Command:
        command = f'[ $# = 0 ] || stat {flags} -c {{}} -- "$@"'
        text = sh(_EXISTING + command, list(paths), sh(there), _FORMAT)
        return replace(text, called=f"stat {' '.join(paths)}")

    return Table(ask, lambda text, keys: split_lines(text, keys, _HEAD))


def split_lines(text: str, keys: Sequence[str], head: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    """
    One line for each path, in the order of the keys: what `head` matches, then the path.

    A name may have newlines in it. So a line ends only where another one starts.
    """
    at = 0
    for key in keys:
        line = head.match(text, at)
        if line is None or not text.startswith(f"{key}\n", line.end()):
            continue
        end = line.end() + len(key) + 1
        if end == len(text) or head.match(text, end):
            yield key, text[at:end]
            at = end


STAT = _ask("", '[ -e "$p" ] || [ -L "$p" ]')
"""The file at the path itself; a symbolic link is not followed."""

TARGET = _ask("-L", '[ -e "$p" ]')
"""The file at the end of symbolic links; nothing, if they dangle."""


def parse_stat(text: str) -> Stat:
    """One line of `STAT` or `TARGET`."""
    m = _HEAD.match(text)
    if m is None or int(m[1], 16) >> 16:
        raise ValueError(f"no answer of stat: {text!r}")
    mode, uid, gid, owner, group = m.groups()
    bits = int(mode, 16)
    return Stat(
        _KINDS.get(stat.S_IFMT(bits), "unknown"),
        f"{stat.S_IMODE(bits):04o}",
        uid,
        gid,
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
    text = sh(
        'set -- {}; for p; do [ ! -f "$p" ] || set -- "$@" "/$p"; shift; done\n'
        '[ $# = 0 ] || sha256sum -- "$@"',
        list(paths),
    )
    return replace(text, called=f"sha256sum {' '.join(paths)}")


_ESCAPED = re.compile(r"(?m)^\\[0-9a-f]{64}  //")
_DIGEST = re.compile(r"\\?([0-9a-f]{64})  /(?=/)")


def _split_digests(text: str, keys: Sequence[str]) -> Iterator[tuple[str, str]]:
    """GNU marks a line by a backslash where it escapes the name; busybox never does."""
    if not _ESCAPED.search(text):
        return split_lines(text, keys, _DIGEST)
    lines = {_unescaped(line): f"{line}\n" for line in text.split("\n") if line}
    return ((key, lines[key]) for key in keys if key in lines)


def _unescaped(line: str) -> str:
    """Return the path in a line of GNU sha256sum."""
    name = line.partition("  /")[2]
    if not line.startswith("\\"):
        return name
    return re.sub(r"\\(.)", lambda m: {"n": "\n", "r": "\r"}.get(m[1], m[1]), name)


SHA256 = Table(_ask_digests, _split_digests)
"""The digest of what a regular file has in it, links followed."""


def parse_digest(text: str) -> str:
    """Return the digest in one line of `SHA256`."""
    return text.lstrip("\\")[:64]


def _ask_links(paths: Sequence[str]) -> Command:
    """
    One find(1) for many links; readlink(1) for one, and where find has no -printf (busybox).

    Where find has failed, the links that it has told are told again.
    """
    text = sh(
        'set -- {}; for p; do [ ! -L "$p" ] || set -- "$@" "$p"; shift; done\n'
        "[ $# -gt 1 ] && find \"$@\" -maxdepth 0 -printf '%p\\0%l\\0' 2>/dev/null || for p; do\n"
        "printf '%s\\0' \"$p\"; readlink -n -- \"$p\"; printf '\\0'; done",
        list(paths),
    )
    return replace(text, called=f"readlink {' '.join(paths)}")


def _split_links(text: str, keys: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Path and text of each link, each with a NUL behind it: either may have newlines."""
    words = text.split("\0")
    links = dict(zip(words[0::2], words[1::2], strict=False))
    return ((key, f"{key}\0{links[key]}\0") for key in keys if key in links)


READLINK = Table(_ask_links, _split_links)
"""The target of a symbolic link; nothing for any other file."""


def parse_link(text: str) -> str:
    """Return the target in one answer of `READLINK`."""
    return text.split("\0")[1]


def tree_of(path: str) -> Probe:
    """Return the probe whose answer changes with any change in a folder."""
    return Probe(
        sh(
            "[ -L {} ] || [ ! -d {} ] || find {} -exec stat -c {} -- {} + | sha256sum",
            path,
            path,
            path,
            "%n %f %u %g %s %Y %.Y",
            script("{}"),
        )
    )
