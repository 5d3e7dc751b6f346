"""Mounts at and below a path: what is removed with all that is in it must not cross them."""

from __future__ import annotations

from dataclasses import replace
from typing import LiteralString

from cookbook.errors import HostError
from cookbook.provider import Command, Probe, sh

# A bind mount may have the same device number as the folder above it, so neither find -xdev nor
# rm --one-file-system sees it: only the table of mounts does. proc(5) has the escapes of a path.
_BELOW: LiteralString = r"""
cook_mounts() { p=$(readlink -f -- "$1") awk '
BEGIN { p = ENVIRON["p"]; c["040"] = " "; c["011"] = "\t"; c["012"] = "\n"; c["134"] = "\\" }
{ n = split($5, a, "\\"); m = a[1]
for (i = 2; i <= n; i++) m = m c[substr(a[i], 1, 3)] substr(a[i], 4)
if (m == p || index(m, p "/") == 1) print m }' /proc/self/mountinfo; }
"""


def mounts(path: str) -> Probe:
    """Return the question for the mounts at and below a path; a link there is not followed."""
    text = sh("{}[ -L {} ] || [ ! -d {} ] || cook_mounts {}", sh(_BELOW.lstrip()), path, path, path)
    return Probe(Command(text.text, text.shown, called=f"look for mounts in {path}"))


def refuse_mounts(path: str, said: str | None) -> None:
    """Raise HostError if the answer to `mounts` names one."""
    if not said:
        return
    first, *more = said.rstrip("\n").split("\n")
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
