"""
Logical volumes of LVM, by lvcreate(8), lvextend(8), lvreduce(8), lvchange(8) and lvremove(8).

Sizes are sent in bytes of whole extents. The tests of this project run on kernels without device
mapper: what LVM writes about volumes is tested on devices there, what an active volume is (its
device, its zeroed beginning, the signatures in it) by cases only.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import LiteralString

from cookbook.errors import HostError
from cookbook.provider import Change, Command, Probe, Provider, Thing, join, provides, sh
from cookbook.providers.lvm import PREFIX, rows, signatures
from cookbook.providers.lvm_sizes import State, checked_size, lacks, wanted_size
from cookbook.resources._lvm import share_of
from cookbook.resources.lvm_logical_volume import LvmLogicalVolume

# Of the group only what the size depends on: an answer with more would change at each turn.
_ASK: LiteralString = (
    PREFIX
    + r"""
lvm_report vgs -o vg_name,vg_extent_size,vg_extent_count,vg_free_count --select "vg_name=\"$1\""
case $j in *'"vg_name":'*) ;; *) exit 4 ;; esac
lvm_report lvs -o lv_name,lv_size,lv_layout,lv_active,lv_device_open --select \
"vg_name=\"$1\" && lv_name=\"$2\""
d=/dev/$1/$2; [ ! -b "$d" ] || { echo device; lvm_signatures "$d"; case $s in *,LVM2_member*)
echo 'signature LVM' ;; *,ext[234]*) LC_ALL=C dumpe2fs -h -- "$d" 2>/dev/null |
grep -E '^Block (count|size):' || : ;; esac; }
"""
)


@provides(LvmLogicalVolume)
class LvmLogicalVolumeProvider(Provider[LvmLogicalVolume, State]):
    """Grows; becomes smaller, or goes, only if that is said."""

    def probe(self, volume: LvmLogicalVolume) -> Sequence[Probe]:
        """Ask for the volume and the room in its group, and for LVM."""
        ask = sh("set -- {} {}\n{}", volume.group, volume.volume_name, sh(_ASK.strip()))
        tool = sh("PATH=$PATH:/sbin:/usr/sbin command -v lvm || exit 4")
        return [
            Probe(replace(ask, called=f"lvs {volume.identity}"), absent=4),
            Probe(tool, absent=4, loose=True),
        ]

    def parse(self, volume: LvmLogicalVolume, text: str, _tool: str | None) -> State:
        """Return the volume; it has size 0 if there is none."""
        groups, found = rows(text, "vgs"), rows(text, "lvs")
        if len(groups) != 1 or len(found) > 1:
            raise HostError(f"there are {len(groups)} volume groups {volume.group}")
        extent = int(groups[0]["vg_extent_size"])
        state = State(
            0,
            extent=extent,
            total=int(groups[0]["vg_extent_count"]) * extent,
            free=int(groups[0]["vg_free_count"]) * extent,
        )
        if not found:
            return state
        said, looked = found[0]["lv_active"], "\ndevice\n" in f"\n{text}"
        return replace(
            state,
            size=int(found[0]["lv_size"]),
            active=None if said == "unknown" else said != "",
            layout=found[0]["lv_layout"],
            content=", ".join(signatures(text)) if looked else None,
            filesystem=_of_filesystem(text),
            opened=found[0]["lv_device_open"] == "open",
        )

    def plan(self, volume: LvmLogicalVolume, found: State | None) -> Change[State]:
        """Compare sizes in whole extents; refuse what would lose data."""
        now = found if self.there(found) else None
        if volume.action == "remove":
            return _removal(volume, now)
        size, share = wanted_size(volume, found)
        active = volume.active
        if now is not None:
            size = checked_size(volume, now, size)
            active = None if now.active is None else active
        elif found is not None and size is not None and not 0 < size <= found.free:
            raise lacks(volume, size, found.free)
        wanted = State(
            size,
            share,
            active,
            devices=volume.devices,
            options=_options(volume),
            wipe=volume.wipe_signatures,
        )
        return Change(now, wanted, note=_note(volume, now, size))

    def commands(self, name: str, change: Change[State]) -> Iterator[Command]:
        """Make, resize, activate or remove it."""
        found, wanted = change.found, change.wanted
        if wanted is None:
            yield sh("lvremove -q -y {}", name)
            return
        if found is None:
            yield _create(name, wanted)
        elif "size" in change.fields:
            if (wanted.size or 0) > (found.size or 0):
                yield sh("lvextend -q -L {}b {} {} </dev/null", wanted.size, name, wanted.devices)
            else:
                yield sh("lvreduce -q -f -L {}b {} </dev/null", wanted.size, name)
        if wanted.active is False and (found is None or "active" in change.fields):
            yield sh("lvchange -q -an {}", name)
        elif wanted.active is True and found is not None and "active" in change.fields:
            yield sh("lvchange -q -ay {}", name)

    def missing(
        self, volume: LvmLogicalVolume, text: str | None, tool: str | None
    ) -> Iterator[Thing]:
        """Yield LVM, and the group."""
        if tool is None:
            yield Thing("tool", "lvm")
        if text is None:
            yield Thing("lvm_volume_group", volume.group)

    def about(self, volume: LvmLogicalVolume) -> Iterable[Thing]:
        """Yield the volume; if it takes a share of what is free, also that."""
        own = [Thing(volume.kind(), volume.identity)]
        share = None if volume.size is None else share_of(volume, volume.size)
        relative = volume.take_up_free_space or (share is not None and share[1] == "FREE")
        return [*own, Thing("lvm_space", volume.group)] if relative else own

    def alters(self, volume: LvmLogicalVolume, change: Change[State] | None) -> Iterable[Thing]:
        """Yield the volume, its devices, and the space of the group."""
        return [
            Thing(volume.kind(), volume.identity),
            Thing("lvm_space", volume.group),
            *_paths(volume.identity),
        ]

    def removes(self, volume: LvmLogicalVolume, change: Change[State] | None) -> Iterable[Thing]:
        """Yield the volume with its devices."""
        going = change is None or change.wanted is None
        own = Thing(volume.kind(), volume.identity)
        return [own, *_paths(volume.identity)] if going else []

    def brings(self, name: str, change: Change[State]) -> Iterable[Thing]:
        """Yield the volume, and its devices if it is active."""
        wanted = change.wanted
        if wanted is None:
            return []
        own = Thing("lvm_logical_volume", name)
        return [own] if wanted.active is False else [own, *_paths(name)]

    def there(self, state: State | None) -> bool:
        """Return whether there is such a volume."""
        return state is not None and (state.size != 0 or state.share is not None)

    def lost(self, name: str, change: Change[State]) -> str | None:
        """Describe what an undo does not restore."""
        if change.wanted is None:
            return "what was in it"
        if change.found is None or "size" not in change.fields:
            return None
        before, after = change.fields["size"]
        return "the former size" if after > before else "what was beyond its new end"

    def unobtainable(self, name: str, change: Change[State], now: State | None) -> str | None:
        """Return the reason: data are gone, or would go."""
        if change.wanted is None:
            return "its data are gone with it: restore them from a backup"
        if change.found is None and now is not None:
            return _at_risk(now.content)
        return None

    def back(self, name: str, change: Change[State], now: State | None) -> Change[State]:
        """Return to none, or to the former activity; it is never made smaller."""
        left = now if self.there(now) else None
        before = change.found
        if before is None or left is None:
            return Change(left, before)
        grown = (before.size or 0) < (left.size or 0)
        return Change(left, State(None if grown else before.size, None, before.active))

    def preflight(self, changes: Sequence[tuple[str, Change[State]]]) -> Command | None:
        """Ask what is in the volumes that would go."""
        gone = [name for name, change in changes if change.wanted is None]
        return join([_content_of(name) for name in gone]) if gone else None

    def objection(self, name: str, said: str, going: Collection[Thing]) -> str | None:
        """Return the reason that it is not empty."""
        for line in said.split("\n"):
            volume, _, content = line.partition("\t")
            if volume == name:
                return _at_risk(None if content == "?" else content)
        return None


def _removal(volume: LvmLogicalVolume, now: State | None) -> Change[State]:
    """Return the change that removes it. Raises HostError unless its loss is said."""
    if now is None:
        return Change(None, None)
    what = _described(now)
    if not volume.force:
        raise HostError(
            f"{volume}: its {now.size} bytes would be lost ({what})",
            hint="force=True removes it; nothing brings it back",
        )
    return Change(now, None, note=f"{now.size} bytes are lost ({what})")


def _note(volume: LvmLogicalVolume, now: State | None, size: int | None) -> str | None:
    """Return the remark on data at risk, or on what LVM does not tell."""
    if now is not None and size is not None and now.size is not None and size < now.size:
        return f"{now.size - size} bytes at its end are lost ({_described(now)})"
    if now is not None and now.active is None and volume.active is not None:
        return "LVM does not ask the kernel on this host: whether it is active is not known"
    return None


def _of_filesystem(text: str) -> int:
    """Return the bytes of the file system that dumpe2fs(8) has described; 0 for none."""
    numbers = dict(re.findall(r"(?m)^Block (count|size): *(\d+)$", text))
    return int(numbers.get("count", 0)) * int(numbers.get("size", 0))


def _described(state: State) -> str:
    """Return what is in a volume, for a remark."""
    if state.content is None:
        return "what is in it is not known"
    return state.content or "no signature"


def _options(volume: LvmLogicalVolume) -> tuple[str, ...]:
    words = [] if volume.stripes is None else ["-i", str(volume.stripes)]
    words += [] if volume.stripe_size is None else ["-I", f"{volume.stripe_size}k"]
    return (*words, *volume.words)


def _create(name: str, wanted: State) -> Command:
    """
    Return the command that makes a volume.

    Without -y lvcreate(8) asks before it overwrites a signature, and gets no answer.
    """
    group, _, own = name.partition("/")
    size = ["-l", wanted.share] if wanted.share is not None else ["-L", f"{wanted.size}b"]
    wipe = ["-y", "-W", "y"] if wanted.wipe else []
    words = [*wipe, "-n", own, *size, *wanted.options, group, *wanted.devices]
    return sh("lvcreate -q {} </dev/null", words)


def _paths(name: str) -> list[Thing]:
    """Return the two paths of the device of a volume; hyphens are doubled in one of them."""
    group, _, own = name.partition("/")
    mapped = "-".join(part.replace("-", "--") for part in (group, own))
    return [Thing("path", f"/dev/{group}/{own}"), Thing("path", f"/dev/mapper/{mapped}")]


def _at_risk(content: str | None) -> str | None:
    """Return the reason why a volume stays; None if nothing is in it."""
    if content is None:
        return "it has no device, so what is in it is not known"
    return f"what is in it would be lost: {content}" if content else None


def _content_of(name: str) -> Command:
    device = f"/dev/{name}"
    return sh(
        "c='?'; if [ -b {} ] && s=$(wipefs -n -p -- {}); then"
        " c=$(printf '%s\\n' \"$s\" | sed -n '/^#/!s/.*,//p' | tr '\\n' ' '); fi;"
        " printf '%s\\t%s\\n' {} \"$c\"",
        device,
        device,
        name,
    )
