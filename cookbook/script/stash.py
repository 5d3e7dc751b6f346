"""
The stash of a host: what changes have replaced or removed, by digest, so that they can be undone.

It is a folder that only the user we act as can read, `stash` in `$cook_home`. Each entry is
named by the SHA-256 of its bytes; its time is when it was last wanted to be kept. Nothing
that cannot be kept stops a change: whether an undo finds it is asked before anything is undone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from cookbook.errors import ProbeError
from cookbook.script.shell import Command, join, script, sh

MOST_OF_ONE = 64 * 1024 * 1024
"""Bytes; what is larger is not kept."""

MOST_OF_ALL = 1024 * 1024
"""KiB; beyond it, what is oldest goes first."""

HOME = """\
if [ "$COOK_HOME" ]; then cook_home=$COOK_HOME
elif [ -O / ]; then cook_home=/var/lib/cook
else cook_home=${XDG_STATE_HOME:-$HOME/.local/state}/cook; fi
"""
"""What we keep on a host is root's, or that of the user we act as (`/` is root's)."""

# Both print the digest, or `-` for what could not be kept.
FUNCTIONS = f"""\
cook_put() {{ [ "$(wc -c <"$1")" -le {MOST_OF_ONE} ] && mv -f -- "$1" "$cook_home/stash/$2"; }}
cook_new() {{ [ -d "$cook_home/stash" ] || mkdir -p -- "$cook_home/stash"; }}
cook_keep() {{
if [ -e "$cook_home/stash/$2" ]; then touch -c -- "$cook_home/stash/$2"
else (umask 077; t=$cook_home/stash/.$cook_nonce; trap 'rm -f -- "$t"' EXIT
cook_new && cp -- "$1" "$t" && cook_put "$t" "$2") || {{ echo -; return 0; }}; fi; echo "$2"; }}
cook_keep_stream() {{ (umask 077; t=$cook_home/stash/.$cook_nonce; trap 'rm -f -- "$t"' EXIT
cook_new && head -c {MOST_OF_ONE + 1} >"$t" && d=$(sha256sum <"$t") && d=${{d%% *}} &&
cook_put "$t" "$d" && echo "$d") || echo -; }}
cook_tidy() {{ cd "$cook_home/stash" || return 0
while n=$(du -sk .) && [ "${{n%%[!0-9]*}}" -gt {MOST_OF_ALL} ]; do
set -- "$(ls -tr | head -n 1)"; [ "$1" ] && rm -f -- "$1" || break; done; }}
"""

TIDY = sh("cook_tidy")
"""Keep the stash within its bounds; after something was kept."""


def keep_file(path: str, digest: str) -> Command:
    """Keep a file whose digest is known; prints that, then when it was last modified."""
    return sh("cook_keep {} {}; {}", path, digest, age(path))


def keep_tree(path: str) -> Command:
    """Keep a folder with all that is in it; prints the digest, then when it was last modified."""
    folder, _, base = path.rpartition("/")
    return sh(
        "case $(tar --version 2>/dev/null) in"
        " *GNU*) o='--format=posix --acls --xattrs' ;; *) o= ;; esac;"
        " tar -C {} $o --numeric-owner -cf - -- {} | cook_keep_stream; {}",
        folder or "/",
        base,
        age(path),
    )


def unpack_tree(tree: str | None, path: str) -> Command:
    """Put what `keep_tree` has kept back at a path, with access lists and attributes."""
    return sh(
        "{ case $(tar --version 2>/dev/null) in"
        " *GNU*) o='--acls --xattrs --xattrs-include=*' ;; *) o= ;; esac;"
        " content {} | tar -C {} $o -xpf -; }",
        tree,
        path.rpartition("/")[0] or "/",
    )


def age(path: str) -> Command:
    """Prints when something was last modified; what GNU's stat(1) has after the point, too."""
    return sh('stat -L -c "%Y %.Y" -- {}', path)


def mtime(printed: str) -> str | None:
    """The time in what `age` has printed: seconds since the epoch, as touch(1) takes them."""
    whole, _, exact = printed.strip().partition(" ")
    if re.fullmatch(r"\d+\.\d+", exact):
        return exact
    return whole if whole.isdigit() else None


def keep_output(command: Command) -> Command:
    """Keep what a command prints; prints the digest."""
    return sh("{ {}\n} | cook_keep_stream", command)


def there(digests: Iterable[str]) -> Command:
    """Which of these there are, a line each."""
    return sh('for d in {}; do [ ! -e "$cook_home/stash/$d" ] || echo "$d"; done', list(digests))


def shown(digest: str) -> Command:
    """As much of what is kept as a diff shows."""
    return sh('head -c 100001 -- "$cook_home/stash"/{}', digest)


LIST = sh(
    'cd "$cook_home/stash" 2>/dev/null || exit 0; for f in *; do [ ! -f "$f" ] ||'
    ' stat -c "%n %s %Y" -- "$f"; done'
)
"""Each entry: digest, bytes, seconds since the epoch when it was last wanted."""


def entries(text: str) -> list[tuple[str, int, float]]:
    """
    Digest, bytes and time of each entry that `LIST` has printed, the oldest first.

    Raises ProbeError if that is no list of entries.
    """
    lines = [line.split(" ") for line in text.splitlines()]
    try:
        found = [(digest, int(size), float(when)) for digest, size, when in lines]
    except (ValueError, OverflowError):
        raise ProbeError("what the host says of its stash makes no sense") from None
    return sorted(found, key=lambda entry: entry[2])


def prune(minutes: int) -> Command:
    """Remove what was not wanted for so long; prints what."""
    return join(
        [
            sh('cd "$cook_home/stash" 2>/dev/null || exit 0'),
            sh("find . -type f -mmin +{} -print -exec rm -f -- {} +", minutes, script("{}")),
        ]
    )
