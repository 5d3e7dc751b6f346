"""
Obstacles to the removal of a folder with all that is in it: mounts, and immutable files.

A removal must not cross a mount, and would stop at an immutable file with half of it gone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import LiteralString

from cookbook.errors import HostError
from cookbook.provider import Command, Probe, join, sh

# A bind mount may have the same device number as the folder above it, so neither find -xdev nor
# rm --one-file-system sees it: only the table of mounts does. proc(5) has the escapes of a path.
_BELOW: LiteralString = r"""
cook_mounts() { p=$(readlink -f -- "$1") awk '
BEGIN { p = ENVIRON["p"]; c["040"] = " "; c["011"] = "\t"; c["012"] = "\n"; c["134"] = "\\" }
{ n = split($5, a, "\\"); m = a[1]
for (i = 2; i <= n; i++) m = m c[substr(a[i], 1, 3)] substr(a[i], 4)
if (m == p || index(m, p "/") == 1) print m }' /proc/self/mountinfo; }
"""

# lsattr(1) is of e2fsprogs; its -a lists the folder above, too. Only root can set these marks.
_INSIDE: LiteralString = r"""
cook_inside() { [ ! -L "$1" ] && [ -d "$1" ] || return 0
m=$(cook_mounts "$1"); [ -z "$m" ] || { printf '%s\n' "$m"; return 0; }
lsattr -Ra -- "$1" 2>/dev/null | awk 'NF > 1 && $1 ~ /^[-A-Za-z]+$/ && $1 ~ /[ia]/ &&
!/\/\.\.$/ { sub(/^[^ ]+ +/, ""); sub(/\/\.$/, ""); print "!" $0; exit }'; }
"""


def mounts(*paths: Command | str) -> Probe:
    """
    Return the question for the obstacles to the removal of folders; no link there is followed.

    It prints the mounts at and below a path, or else the first immutable file with a `!`.
    """
    words = [path if isinstance(path, Command) else sh("{}", path) for path in paths]
    asked = join([sh("cook_inside {}", word) for word in words], "\n")
    text = sh("{}{}{}", sh(_BELOW.lstrip()), sh(_INSIDE.lstrip()), asked)
    return Probe(
        replace(text, called=f"look for mounts in {' '.join(word.shown for word in words)}")
    )


def refuse_mounts(path: str, said: str | None) -> None:
    """Raise HostError if the answer to `mounts` names a mount, or an immutable file."""
    if not said:
        return
    first, *more = said.rstrip("\n").split("\n")
    if first.startswith("!"):
        raise HostError(
            f"{path} is not deleted: {first[1:]} is marked immutable (or append-only)",
            hint=f"`chattr -ia {first[1:]}` takes the mark away; `lsattr -R {path}` shows all",
        )
    others = f" (and {len(more)} more)" if more else ""
    where = "it" if first == path else first
    raise HostError(
        f"{path} is not deleted: a file system is mounted at {first}{others}",
        hint=f"unmount {where} first; a deletion never crosses a mount (`findmnt` lists all)",
    )


def free_of_mounts(path: Command) -> Command:
    """Return a step that fails where a mount is in a folder; the path is a word of the shell."""
    text = sh(
        '{} && m=$(if [ ! -L {} ] && [ -d {} ]; then cook_mounts {}; fi) && { [ ! "$m" ] ||'
        ' { echo "not deleted: a file system is mounted at $m" >&2; false; }; }',
        sh(_BELOW.strip()),
        path,
        path,
        path,
    )
    return Command(text.text, "")


def remove_tree(path: str) -> Command:
    """Return the command that removes a folder with all in it, unless a mount is in it."""
    remove = sh("rm -rf -- {}", path)
    return replace(remove, text=f"{free_of_mounts(sh('{}', path)).text} && {remove.text}")
