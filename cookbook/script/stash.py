"""
The stash of a host: contents that changes have replaced or removed, kept for an undo.

It is the folder `stash` in `$cook_home`, and only the user that the run acts as can read it.
Each entry is named by the SHA-256 of its bytes; its mtime is the time at which it was last
kept. A content that cannot be kept does not stop a change: an undo checks first that all
needed contents are there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from cookbook.errors import ProbeError
from cookbook.script.shell import Command, join, script, sh

MOST_OF_ONE = 64 * 1024 * 1024
"""The maximum size of one entry, in bytes; larger contents are not kept."""

MOST_OF_ALL = 1024 * 1024
"""The maximum size of the stash, in KiB; the oldest entries are removed first."""

HOME = """\
if [ "$COOK_HOME" ]; then cook_home=$COOK_HOME
elif [ -O / ]; then cook_home=/var/lib/cook
else cook_home=${XDG_STATE_HOME:-$HOME/.local/state}/cook; fi
"""
"""Sets `cook_home`, the folder of cook on a host: that of root or of the acting user."""

# All of `cook_keep`, `cook_keep_stream` and `cook_keep_by COMMAND...` print the digest, or `-` for
# what could not be kept. The last one keeps what a command prints, unless that fails: a part of a
# content must not be taken for all of it. To tar(1) of GNU, 1 is a file that changed meanwhile.
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
cook_keep_by() {{ set -- "$( {{ {{ ("$@") 3>&- || echo failed >&3; }} | cook_keep_stream; }} 3>&1 )"
case $1 in *failed*) echo - ;; *) printf '%s\\n' "$1" ;; esac; }}
cook_tar() {{ tar "$@" ||
case $?$(tar --version 2>/dev/null) in 1tar*GNU*) ;; *) return 1 ;; esac; }}
cook_tidy() {{ cd "$cook_home/stash" || return 0
while n=$(du -sk .) && [ "${{n%%[!0-9]*}}" -gt {MOST_OF_ALL} ]; do
set -- "$(ls -tr | head -n 1)"; [ "$1" ] && rm -f -- "$1" || break; done; }}
"""

TIDY = sh("cook_tidy")
"""The command that reduces the stash to its maximum size; to run after something was kept."""


def keep_file(path: str, digest: str) -> Command:
    """Return the command that keeps a file; it prints the known digest and the mtime."""
    return sh("cook_keep {} {}; {}", path, digest, age(path))


def keep_tree(path: str) -> Command:
    """Return the command that keeps a folder as a tar; it prints the digest and the mtime."""
    folder, _, base = path.rpartition("/")
    return sh(
        "case $(tar --version 2>/dev/null) in"
        " *GNU*) o='--format=posix --acls --xattrs' ;; *) o= ;; esac;"
        " cook_keep_by cook_tar -C {} $o --numeric-owner -cf - -- {}; {}",
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
    """Return the command that prints an mtime: whole seconds, and GNU stat(1)'s exact ones."""
    return sh('stat -L -c "%Y %.Y" -- {}', path)


def mtime(printed: str) -> str | None:
    """Return the seconds since the epoch in the output of `age`, for touch(1); None without."""
    whole, _, exact = printed.strip().partition(" ")
    if re.fullmatch(r"\d+\.\d+", exact):
        return exact
    return whole if whole.isdigit() else None


def keep_output(command: Command) -> Command:
    """
    Return the command that keeps the output of another one; it prints the digest.

    Nothing is kept if the other one fails.
    """
    return sh("cook_it() { {}\n}; cook_keep_by cook_it", command)


def there(digests: Iterable[str]) -> Command:
    """Return the command that prints those of these digests that are in the stash, one a line."""
    return sh('for d in {}; do [ ! -e "$cook_home/stash/$d" ] || echo "$d"; done', list(digests))


def shown(digest: str) -> Command:
    """Return the command that prints an entry, as far as a diff shows it."""
    return sh('head -c 100001 -- "$cook_home/stash"/{}', digest)


LIST = sh(
    'cd "$cook_home/stash" 2>/dev/null || exit 0; for f in *; do [ ! -f "$f" ] ||'
    ' stat -c "%n %s %Y" -- "$f"; done'
)
"""Prints a line for each entry: digest, bytes, seconds since the epoch when it was last kept."""


def entries(text: str) -> list[tuple[str, int, float]]:
    """
    Return digest, bytes and time of each entry in the output of `LIST`, the oldest first.

    Raises ProbeError if the output has another format.
    """
    lines = [line.split(" ") for line in text.splitlines()]
    try:
        found = [(digest, int(size), float(when)) for digest, size, when in lines]
    except (ValueError, OverflowError):
        raise ProbeError("what the host says of its stash makes no sense") from None
    return sorted(found, key=lambda entry: entry[2])


def prune(minutes: int) -> Command:
    """Return the command that removes and prints entries that were not kept for so many minutes."""
    return join(
        [
            sh('cd "$cook_home/stash" 2>/dev/null || exit 0'),
            sh("find . -type f -mmin +{} -print -exec rm -f -- {} +", minutes, script("{}")),
        ]
    )
