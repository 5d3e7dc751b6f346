"""The other effects of a transaction of apt-get(8), by the list that it makes for a download."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import LiteralString

from cookbook.provider import Change, Command, sh
from cookbook.providers.apt_get import (
    State,
    arguments,
    goes_back,
    gone_of,
    manner_of,
    specs_of,
)
from cookbook.providers.dpkg import WITHOUT_TRACE
from cookbook.providers.named_versions import versions

# Nothing is fetched, and no lock is taken. Only what is read here comes over the line. Packages
# that are not configured yet are asked of dpkg(1): apt-get(8) has it configure them in each
# transaction, and names them with `-s` only, which says nothing of the bytes.
_ASK: LiteralString = r"""
LC_ALL=C; export LC_ALL
apt-get -q -y -V -o Debug::NoLocking=1 -o Dir::Log::Planner=/dev/null \
$use --print-uris {} 2>&1 | awk '/^The following .*:$/ {
part = /will be (installed|upgraded|DOWNGRADED|REMOVED):$/ && !/additional/; if (part) print; next }
/^ / { if (part) print; next } { part = 0 } /^(E:|Need to get|After this operation)/'
dpkg-query -W -f '${db:Status-Status} ${Package}\n' |
sed -n -E 's/^(unpacked|half-configured|triggers-[a-z]+) /Conf /p'
"""

_HEADINGS = {"installed": "installs", "upgraded": "upgrades", "REMOVED": "removes"}
_HEADINGS |= {"DOWNGRADED": "brings back"}
_ENTRY = re.compile(r"   (\S+?)\*?(?: \((.*)\))?")


def ask_besides(what: Command) -> Command:
    """Return the question for what a transaction with these arguments would do."""
    ask = sh(WITHOUT_TRACE + _ASK.strip(), what)
    return replace(ask, called=sh("apt-get --print-uris {}", what).shown)


def rehearse(changes: Sequence[tuple[str, Change[State]]]) -> Command | None:
    """Return the question about changes that can be one transaction; None if apt does nothing."""
    manner = manner_of(changes[0][1])
    if gone := [name for one in changes for name in gone_of(*one)]:
        verb = "purge" if changes[0][1].act is not None else "remove"
        return ask_besides(arguments(verb, gone, manner))
    if specs := [spec for one in changes for spec in specs_of(*one)]:
        what = arguments("install", specs, manner, downgrade=goes_back(changes))
        return ask_besides(what)
    return None


def named_in(changes: Sequence[tuple[str, Change[State]]]) -> list[str]:
    """Return the packages that changes name."""
    sides = [(name, side) for name, change in changes for side in (change.found, change.wanted)]
    return [*dict.fromkeys(one for name, side in sides for one in versions(name, side))]


def besides(said: str, named: Collection[str]) -> str | None:
    """Return a remark by the answer; it leaves out packages that are named in the plan."""
    if errors := [line for line in said.splitlines() if line.startswith("E: ")]:
        return f"apt says that this fails: {' '.join(line[3:].strip() for line in errors)}"
    others = [f"{verb} {', '.join(some)}" for verb, some in _others(said, named)]
    if waiting := _not_configured(said, named):
        which = "which is" if len(waiting) == 1 else "which are"
        others.append(f"configures {', '.join(waiting)}, {which} not configured yet")
    also = [f"apt also {' and '.join(others)}"] if others else []
    return "; ".join([*also, *_bytes(said)]) or None


def _others(said: str, named: Collection[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield what is done to packages that are not named, and their versions."""
    known = {name.partition(":")[0] for name in named}
    found: dict[str, list[str]] = {}
    verb = ""
    for line in said.splitlines():
        if line.startswith("The following "):
            verb = _HEADINGS[line.rstrip(":").rpartition(" ")[2]]
        elif (entry := _ENTRY.fullmatch(line)) and entry[1].partition(":")[0] not in known:
            which = (entry[2] or "").replace(" => ", " -> ")
            found.setdefault(verb, []).append(f"{entry[1]} {which}".rstrip())
    yield from found.items()


def _not_configured(said: str, named: Collection[str]) -> list[str]:
    """Return the packages that wait for their configuration, without those of the transaction."""
    part = {name.partition(":")[0] for name in named}
    entries = filter(None, map(_ENTRY.fullmatch, said.splitlines()))
    part |= {entry[1].partition(":")[0] for entry in entries}
    waiting = (line[5:] for line in said.splitlines() if line.startswith("Conf "))
    return sorted({*waiting} - part)


def _bytes(said: str) -> Iterator[str]:
    """Yield what is to be downloaded, and what it takes or frees on the disk."""
    if need := re.search(r"^Need to get (.+?)(?:/.+)? of archives", said, re.MULTILINE):
        yield f"{need[1]} to download"
    disk = re.search(r"^After this operation, (\S+ \S+) (of add|disk)", said, re.MULTILINE)
    if disk is not None and not disk[1].startswith("0 B"):
        yield f"{disk[1]} {'more' if disk[2] == 'of add' else 'less'} on the disk"
