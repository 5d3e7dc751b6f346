"""The commands that install the archive of a toolchain, build its sources, and remove it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import LiteralString

from cookbook.provider import Change, Command, Content, sh
from cookbook.providers.fetched import with_fetched
from cookbook.providers.mounts import remove_tree
from cookbook.providers.toolchain_links import relink, unlink
from cookbook.providers.toolchain_packages import ToolchainState
from cookbook.providers.trees import extract, put_back, restore

_TREE = {"content", "options", "differing"}

# The compiler speaks of what is wrong in the midst of a log; the end of it is make(1)'s own.
#
# `make install` sees the private folder at the place of the final one, in a mount namespace of its
# own: with DESTDIR alone, pip(1) does not find the interpreter that its scripts are to name.
_BUILD: LiteralString = """\
cook_install() { if unshare -m true 2>/dev/null; then mkdir -p -- "$d" && mkdir -- "$t/dest" &&
unshare -m sh -c 'mount --bind -- "$1" "$2" && exec make install' cook "$t/dest" "$d" &&
[ "$(ls -A -- "$t/dest")" ] && rmdir -- "$t/x" && mv -- "$t/dest" "$t/x"
else make install DESTDIR="$t/dest" && rmdir -- "$t/x" && mv -- "$t/dest$d" "$t/x"; fi; }
cook_build() { { tar --no-same-owner -xf "$a" -C "$b" {} && cd "$b" || exit
[ -e configure ] || { echo 'there is no configure in the archive'; exit 1; }
./configure --prefix="$d" {} && make -j "$(nproc)" && cook_install; } >"$b/cook.log" 2>&1; }
b=$(mktemp -d -p /var/tmp) && trap 'cd /; rm -rf -- "$t" "$b"' EXIT && { (cook_build) || {
rmdir -- "$d" 2>/dev/null; echo 'the build has failed:' >&2
{ grep -E -m 20 'error|Error [0-9]' "$b/cook.log"; tail -n 10 "$b/cook.log"; } >&2; exit 1; }; }"""


def changes_tree(change: Change[ToolchainState]) -> bool:
    """Return whether a change is one of the files, and not only of the links."""
    return change.wanted is None or change.found is None or bool(_TREE & change.fields.keys())


def moves_links(change: Change[ToolchainState]) -> bool:
    """Return whether a change sets or removes links."""
    found, wanted = change.found, change.wanted
    before = found.default if found is not None else "no"
    after = wanted.default if wanted is not None else "no"
    return after is not None and before != after


def repairs(change: Change[ToolchainState]) -> bool:
    """Return whether a change only extracts the same archive again."""
    there = change.found is not None and change.wanted is not None
    return there and _TREE & change.fields.keys() == {"differing"}


def installation(
    name: str, change: Change[ToolchainState], wanted: ToolchainState
) -> Iterator[Command]:
    """Yield the commands that install the files, or that put former ones back."""
    if not changes_tree(change):
        return
    if wanted.restores and wanted.former is not None:
        known = wanted.former != "none" and change.found is None
        yield put_back(wanted.former) if known else restore(name, change.found, wanted)
        return
    if wanted.above:
        yield sh("mkdir -p -- {}", wanted.above)
    unpack = None
    if wanted.build is not None:
        strip = f"--strip-components={wanted.strip}"
        unpack = sh(_BUILD, strip, list(wanted.build))
    command = extract(name, change.found, wanted, unpack)
    if wanted.sources and wanted.content is not None:
        command = with_fetched(Content(wanted.content), wanted.sources, command)
    if wanted.build is not None:
        said = f"build {name} of {' or '.join(wanted.sources) or 'the archive'}"
        command = replace(command, shown=said, called=said)
    yield command


def removal(name: str, found: ToolchainState) -> Iterator[Command]:
    """Yield the commands that remove the links and the folder, with all that came into it."""
    if found.relink:
        yield relink(name, found.relink)
    yield unlink(name)
    yield restore(name, replace(found, former=None), None)
    if found.stays:
        yield sh("[ ! -d {} ] || find {} -mindepth 1 -delete", name, name)
        return
    yield sh("[ ! -d {} ] || {}", name, remove_tree(name))
    if found.above:
        yield sh("rmdir -- {} 2>/dev/null || :", found.above)
