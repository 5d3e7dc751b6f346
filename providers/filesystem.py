"""File systems on devices: mkfs(8), wipefs(8), blkid(8), and e2fsprogs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import LiteralString

from cookbook.errors import HostError
from cookbook.provider import Change, Command, Probe, Provider, Thing, hint, provides, sh
from cookbook.resources.filesystem import EXT, Filesystem


@dataclass(frozen=True)
class State:
    """The contents of a device."""

    fstype: str | None = None
    """Empty if there is nothing."""
    label: str | None = None
    uuid: str | None = None
    size: int | None = None
    """Bytes of the file system, of ext2, ext3 and ext4."""
    options: tuple[str, ...] = hint(default=())
    room: int = hint(default=0)
    """Bytes that it would have if it filled the device."""
    mounted_before: bool = hint(default=True)
    """True if it was ever mounted, or that is not known."""
    seconds: float = hint(default=600.0)


# All signatures are asked for: blkid(8) alone says nothing of a device that has several.
_ASK: LiteralString = r"""
d={}; PATH=$PATH:/sbin:/usr/sbin; [ -e "$d" ] || exit 4
[ -b "$d" ] || [ -f "$d" ] || { echo "$d is neither a device nor a file" >&2; exit 13; }
for t in wipefs blkid; do command -v $t >/dev/null || { echo "there is no $t" >&2; exit 127; }; done
s=$(wipefs -n -p -- "$d") || exit; printf '%s\n' "$s" | sed -n '/^#/!s/.*,/signature /p'
blkid -p -o export -- "$d" 2>/dev/null || case $? in 2|8) ;; *) exit 1 ;; esac
if [ -b "$d" ]; then echo "bytes=$(blockdev --getsize64 "$d")"; else stat -c bytes=%s -- "$d"; fi
case $s in *,ext[234]*) LC_ALL=C dumpe2fs -h -- "$d" 2>/dev/null | grep -E \
'^(Block (count|size)|Last mount time|Inode blocks per group|Reserved GDT blocks):' ;; esac; :
"""

_MORE = 60
"""Blocks that the last group needs besides its tables; resize2fs(8) makes no smaller one."""


@provides(Filesystem)
class FilesystemProvider(Provider[Filesystem, State]):
    """Made on an empty device only; labels change, sizes grow."""

    owns = False

    def probe(self, filesystem: Filesystem) -> Sequence[Probe]:
        """Ask what is on the device, and for the program."""
        device = filesystem.identity
        ask = replace(sh(_ASK.strip(), device), called=f"look at {device}")
        tool = sh("PATH=$PATH:/sbin:/usr/sbin command -v {} || exit 4", _mkfs(filesystem.fstype))
        return [Probe(ask, absent=4), Probe(tool, absent=4, loose=True)]

    def parse(self, filesystem: Filesystem, text: str, _tool: str | None) -> State:
        """Return what is there; more than one signature is the type `several`."""
        told = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
        numbers = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
        signatures = re.findall(r"(?m)^signature (.*)$", text)
        kind = told.get("TYPE", "") or told.get("PTTYPE", "") or " ".join(signatures[:1])
        if len(set(signatures)) > 1 and not (kind == "vfat" and set(signatures) <= {"vfat", "dos"}):
            kind = "several"
        size = room = None
        if kind in EXT and numbers.get("Block size"):
            size, room = _sizes(numbers, int(told["bytes"]))
        return State(
            kind,
            _plain(told.get("LABEL", "")),
            told.get("UUID", "").lower(),
            size,
            room=room or 0,
            mounted_before=numbers.get("Last mount time", "").strip() != "n/a",
        )

    def plan(self, filesystem: Filesystem, found: State | None) -> Change[State]:
        """Compare type, label, UUID and size; refuse what is something else."""
        now = found or State("")
        if now.fstype and now.fstype != filesystem.fstype:
            raise HostError(
                f"{filesystem.identity} has something on it already: {now.fstype}",
                hint="it is not overwritten; `wipefs -a` removes it, if nothing of it is needed",
            )
        wanted = State(
            filesystem.fstype,
            filesystem.label,
            filesystem.uuid,
            now.room if filesystem.grow and now.fstype else None,
            options=filesystem.words,
            room=now.room,
            seconds=filesystem.timeout,
        )
        change = Change(now, wanted)
        if now.fstype and {"label", "uuid"} & change.fields.keys() and now.fstype not in EXT:
            raise HostError(
                f"{filesystem.identity}: {' and '.join(change.fields)} of {now.fstype} cannot be"
                " changed later",
                hint="declare it as it is",
            )
        return change

    def commands(self, name: str, change: Change[State]) -> Iterator[Command]:
        """Make the file system, or change what differs."""
        found, wanted = change.found or State(""), change.wanted or State("")
        if wanted.fstype == "" and found.fstype:
            yield sh("wipefs -q -a -t {} -- {}", found.fstype, name)
        elif not found.fstype and wanted.fstype:
            yield _make(name, wanted)
        else:
            fields = change.fields
            if "label" in fields:
                yield sh("e2label {} {}", name, wanted.label or "")
            if "uuid" in fields:
                yield sh("tune2fs -U {} -- {}", wanted.uuid or "random", name)
            if "size" in fields:
                yield sh(_GROW, name)

    def missing(
        self, filesystem: Filesystem, text: str | None, tool: str | None
    ) -> Iterator[Thing]:
        """Yield the device, and the program."""
        if text is None:
            yield Thing("path", filesystem.identity)
        if tool is None:
            yield Thing("tool", _mkfs(filesystem.fstype))

    def about(self, filesystem: Filesystem) -> Iterable[Thing]:
        """Yield the device."""
        return [Thing("path", filesystem.identity)]

    def removes(self, filesystem: Filesystem, change: Change[State] | None) -> Iterable[Thing]:
        """Nothing: the device stays."""
        return []

    def there(self, state: State | None) -> bool:
        """Return whether there is a file system."""
        return state is not None and bool(state.fstype)

    def lost(self, name: str, change: Change[State]) -> str | None:
        """Describe what stays: a file system is never made smaller."""
        return "the former size" if self.there(change.found) and "size" in change.fields else None

    def unobtainable(self, name: str, change: Change[State], now: State | None) -> str | None:
        """Return the reason: what may have files in it is not removed."""
        made = change.found is not None and not change.found.fstype
        if made and now is not None and now.fstype and now.mounted_before:
            return "it may have been mounted since: what is in it would be lost"
        return None

    def back(self, name: str, change: Change[State], now: State | None) -> Change[State]:
        """Return to nothing, or to the former label and UUID."""
        before = change.found
        if now is None or before is None:
            return Change(None, None)
        if not before.fstype:
            return Change(now, State(""))
        return Change(now, replace(before, size=None))

    def limit(self, change: Change[State]) -> float:
        """Return the seconds of the recipe."""
        return change.wanted.seconds if change.wanted is not None else 600.0


_GROW: LiteralString = (
    'd={}; grep -q "^$(readlink -f -- "$d") " /proc/mounts || e2fsck -fp -- "$d" >/dev/null ||'
    ' [ $? = 1 ] || exit; resize2fs -- "$d"'
)
"""One that is not mounted has to be checked before; status 1 means that it was corrected."""

_FLAGS = {
    **dict.fromkeys(EXT, ("-L", "-U", ("-q", "-F"))),
    "xfs": ("-L", "-m", ("-q",)),
    "btrfs": ("-L", "-U", ("-q",)),
    "vfat": ("-n", "", ()),
}
"""Options of mkfs: label, UUID, and those without which it asks or is verbose."""


def _mkfs(fstype: str) -> str:
    return f"mkfs.{fstype}"


def _make(device: str, wanted: State) -> Command:
    """Return the command; it looks for signatures once more, at the last moment."""
    fstype = wanted.fstype or ""
    label, uuid, quiet = _FLAGS[fstype]
    words = [*quiet, *wanted.options]
    words += [label, wanted.label] if wanted.label else []
    value = f"uuid={wanted.uuid}" if fstype == "xfs" else wanted.uuid or ""
    words += [uuid, value] if wanted.uuid else []
    command = sh(
        '[ ! "$(wipefs -n -p -- {})" ] || { echo "there is something on it" >&2; exit 1; };'
        " {} {} {} >/dev/null",
        device,
        _mkfs(fstype),
        words,
        device,
    )
    shown = str(sh("{} {} {}", _mkfs(fstype), words, device))
    return replace(command, shown=shown, called=f"{_mkfs(fstype)} {device}")


def _sizes(numbers: dict[str, str], device: int) -> tuple[int, int]:
    """Return the bytes of a file system, and those it would have if it filled the device."""
    count, block, tables, reserved = (
        int(numbers.get(key, "0"))
        for key in ("Block count", "Block size", "Inode blocks per group", "Reserved GDT blocks")
    )
    most = device // block
    full = count >= most - (tables + reserved + _MORE)
    return count * block, count * block if full else most * block


def _plain(text: str) -> str:
    """Return a value of blkid(8) without its escapes."""
    return re.sub(r"\\(.)", r"\1", text)
