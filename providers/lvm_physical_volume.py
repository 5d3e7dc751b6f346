"""Physical volumes of LVM, by pvcreate(8), pvresize(8) and pvremove(8)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import LiteralString

from cookbook.errors import HostError
from cookbook.provider import Change, Command, Probe, Provider, Thing, hint, join, provides, sh
from cookbook.providers.lvm import PREFIX, rows, signatures, whole
from cookbook.resources.lvm_physical_volume import LvmPhysicalVolume


@dataclass(frozen=True)
class State:
    """A device, as LVM sees it."""

    format: str | None = None
    """`lvm2`; empty if it is no physical volume."""
    size: int | None = None
    """Bytes of it that LVM uses."""
    group: str = hint(default="")
    """The volume group it belongs to; empty if to none."""
    other: str = hint(default="")
    """Signatures of something else on the device; empty without any."""
    room: int = hint(default=0)
    """The bytes that LVM would use if it filled the device."""


_ASK: LiteralString = (
    PREFIX
    + r"""
d={}; [ -e "$d" ] || exit 4
[ -b "$d" ] || { echo "$d is no block device" >&2; exit 13; }
lvm_signatures "$d"; case $s in *,LVM2_member*) lvm_report pvs -o \
pv_fmt,vg_name,pv_size,dev_size,pe_start,vg_extent_size,pv_mda_count,pv_mda_size "$d" ;; esac
"""
)

_TOOL: LiteralString = "PATH=$PATH:/sbin:/usr/sbin command -v lvm || exit 4"


@provides(LvmPhysicalVolume)
class LvmPhysicalVolumeProvider(Provider[LvmPhysicalVolume, State]):
    """Made on an empty device only; grows with it."""

    def probe(self, volume: LvmPhysicalVolume) -> Sequence[Probe]:
        """Ask what is on the device, and for LVM."""
        ask = replace(sh(_ASK.strip(), volume.identity), called=f"pvs {volume.identity}")
        return [Probe(ask, absent=4), Probe(sh(_TOOL), absent=4, loose=True)]

    def parse(self, volume: LvmPhysicalVolume, text: str, _tool: str | None) -> State:
        """Return what is there."""
        other = ", ".join(signatures(text))
        found = rows(text, "pvs")
        if not found:
            return State("", other=other)
        [row] = found
        size, device = int(row["pv_size"]), int(row["dev_size"])
        room = device
        if extent := int(row["vg_extent_size"]):
            end = int(row["pv_mda_size"]) if int(row["pv_mda_count"]) > 1 else 0
            room = whole(device - int(row["pe_start"]) - end, extent)
        return State(row["pv_fmt"], size, group=row["vg_name"], other=other, room=room)

    def plan(self, volume: LvmPhysicalVolume, found: State | None) -> Change[State]:
        """Compare; refuse to overwrite what is something else."""
        now = found if self.there(found) else None
        if volume.action == "remove":
            note = f"it belongs to the volume group {now.group}" if now and now.group else None
            return Change(now, None, note=note)
        note = None
        other = found.other if found is not None else ""
        if now is None and other:
            if not volume.wipe_signatures:
                raise HostError(
                    f"{volume.identity} has something on it already: {other}",
                    hint="it is not overwritten; if nothing of it is needed, `wipefs -a` removes"
                    " it, or wipe_signatures=True",
                )
            note = f"what is on it is overwritten and lost: {other}"
        size = now.room if now is not None and volume.grow and now.room > (now.size or 0) else None
        return Change(now, State("lvm2", size, other=other), note=note)

    def commands(self, name: str, change: Change[State]) -> Iterator[Command]:
        """Make it, let it grow, or remove it; LVM refuses what is in use or in a group."""
        wanted = change.wanted
        if wanted is None:
            yield sh("pvremove -q {}", name)
        elif change.found is None:
            yield from make(name, wipe=bool(wanted.other))
        elif "size" in change.fields:
            yield sh("pvresize -q {}", name)

    def missing(
        self, volume: LvmPhysicalVolume, text: str | None, tool: str | None
    ) -> Iterator[Thing]:
        """Yield the device, and LVM."""
        if tool is None:
            yield Thing("tool", "lvm")
        if text is None:
            yield Thing("path", volume.identity)

    def about(self, volume: LvmPhysicalVolume) -> Iterable[Thing]:
        """Yield the volume, and the device."""
        return [Thing(volume.kind(), volume.identity), Thing("path", volume.identity)]

    def removes(self, volume: LvmPhysicalVolume, change: Change[State] | None) -> Iterable[Thing]:
        """Yield the volume; the device stays."""
        going = change is None or change.wanted is None
        return [Thing(volume.kind(), volume.identity)] if going else []

    def brings(self, name: str, change: Change[State]) -> Iterable[Thing]:
        """Yield the volume."""
        return [Thing("lvm_physical_volume", name)] if self.there(change.wanted) else []

    def there(self, state: State | None) -> bool:
        """Return whether it is a physical volume."""
        return state is not None and bool(state.format)

    def lost(self, name: str, change: Change[State]) -> str | None:
        """Describe what was overwritten, and what is not made smaller."""
        if change.found is None:
            other = change.wanted.other if change.wanted is not None else ""
            return f"what was on the device: {other}" if other else None
        return "the former size" if change.wanted and "size" in change.fields else None

    def back(self, name: str, change: Change[State], now: State | None) -> Change[State]:
        """Return to none, or to one; it keeps its size."""
        left = now if self.there(now) else None
        if change.found is None or left is None:
            before = None if change.found is None else replace(change.found, size=None, other="")
            return Change(left, before)
        return Change(left, replace(left, size=None))

    def preflight(self, changes: Sequence[tuple[str, Change[State]]]) -> Command | None:
        """Ask which group each of those belongs to that would go."""
        gone = [name for name, change in changes if change.wanted is None]
        return join([_group_of(name) for name in gone]) if gone else None

    def objection(self, name: str, said: str, going: Collection[Thing]) -> str | None:
        """Return the reason that its group stays."""
        for line in said.split("\n"):
            device, _, group = line.partition("\t")
            if device == name and group and Thing("lvm_volume_group", group) not in going:
                return f"it belongs to the volume group {group}"
        return None


def make(device: str, *, wipe: bool) -> Iterator[Command]:
    """
    Yield the commands that make a physical volume.

    Without -y pvcreate(8) does not overwrite what came meanwhile: it asks, and gets no answer.
    """
    if wipe:
        yield sh("wipefs -q -a -- {} >/dev/null", device)
    yield sh("pvcreate -q {} </dev/null", device)


def _group_of(device: str) -> Command:
    return sh(
        "g=$(pvs --noheadings -o vg_name {}) || exit; printf '%s\\t%s\\n' {} \"${g##* }\"",
        device,
        device,
    )
