"""Volume groups of LVM, by vgcreate(8), vgextend(8), vgreduce(8) and vgremove(8)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import LiteralString

from cookbook.errors import HostError
from cookbook.provider import Change, Command, Probe, Provider, Thing, hint, join, provides, sh
from cookbook.providers.lvm import PREFIX, Row, rows, signatures
from cookbook.providers.lvm_physical_volume import make
from cookbook.providers.stat import TARGET
from cookbook.resources.lvm_volume_group import LvmVolumeGroup


@dataclass(frozen=True)
class State:
    """A volume group, and what is on the devices that are declared for it."""

    physical_volumes: tuple[str, ...] | None = None
    """The paths of its devices, as declared, sorted; empty if there is no such group."""
    extent_size: int | None = None
    """Bytes of an extent."""
    volumes: int = hint(default=0)
    """The number of its logical volumes."""
    lacking: int = hint(default=0)
    """The number of its devices that are not there."""
    used: tuple[str, ...] = hint(default=())
    """Those of its devices that have data of logical volumes."""
    other: tuple[str, ...] = hint(default=())
    """`device: what` of declared devices with something else on them."""
    elsewhere: tuple[str, ...] = hint(default=())
    """`device: group` of declared devices that belong to another group."""
    blank: tuple[str, ...] = hint(default=())
    """Declared devices that are no physical volumes yet: they become some, and go with the group
    in an undo."""


# Devices have several names; their numbers tell which one of the group is which declared one. (A
# `--select` by number finds nothing.) Devices that are physical volumes are asked for by name,
# because they may be of another group.
_ASK: LiteralString = (
    PREFIX
    + r"""
g=$1; shift; o=pv_uuid,pv_name,vg_name,pv_major,pv_minor,pv_pe_alloc_count
members() { lvm_report pvs -o $o "$@"; }; for d; do shift; [ -e "$d" ] || exit 4
[ -b "$d" ] || { echo "$d is no block device" >&2; exit 13; }
n=$(stat -L -c %t:%T -- "$d") || exit 1
printf 'device %s:%s %s\n' $((0x${n%:*})) $((0x${n#*:})) "$d"
lvm_signatures "$d"; case $s in *,LVM2_member*) set -- "$@" "$d" ;; esac; done
[ $# = 0 ] || members "$@"
lvm_report vgs -o vg_name,vg_extent_size,lv_count,vg_missing_pv_count --select "vg_name=\"$g\""
members --select "vg_name=\"$g\""
"""
)


@provides(LvmVolumeGroup)
class LvmVolumeGroupProvider(Provider[LvmVolumeGroup, State]):
    """Devices are added; a device or a group with data is never taken away."""

    def probe(self, group: LvmVolumeGroup) -> Sequence[Probe]:
        """Ask for the group and its devices, for LVM, and for each device."""
        devices = group.devices if group.action == "create" else ()
        ask = sh("set -- {}\n{}", [group.name, *devices], sh(_ASK.strip()))
        tool = sh("PATH=$PATH:/sbin:/usr/sbin command -v lvm || exit 4")
        return [
            Probe(replace(ask, called=f"vgs {group.name}"), absent=4),
            Probe(tool, absent=4, loose=True),
            *(TARGET.about(device, loose=True) for device in devices),
        ]

    def parse(self, group: LvmVolumeGroup, text: str, *_: str | None) -> State:
        """Return the group, and what is on the devices."""
        devices = _devices(text)
        found = rows(text, "vgs")
        members = {row["pv_uuid"]: row for row in rows(text, "pvs")}.values()
        if len(found) > 1:
            raise HostError(f"there are {len(found)} volume groups {group.name}")
        names = {number: device for device, (number, _) in devices.items()}
        if len(names) < len(devices):
            raise HostError(f"{group}: two of its physical_volumes are the same device")
        own = [row for row in members if row["vg_name"] == group.name]
        elsewhere = [row for row in members if row["vg_name"] not in ("", group.name)]
        known = {_number(row) for row in members}
        return State(
            tuple(sorted(_path(row, names) for row in own)) if found else (),
            int(found[0]["vg_extent_size"]) if found else None,
            volumes=int(found[0]["lv_count"]) if found else 0,
            lacking=int(found[0]["vg_missing_pv_count"]) if found else 0,
            used=tuple(_path(row, names) for row in own if int(row["pv_pe_alloc_count"])),
            other=tuple(
                f"{device}: {', '.join(what)}"
                for device, (number, what) in devices.items()
                if what and number not in known
            ),
            elsewhere=tuple(f"{_path(row, names)}: {row['vg_name']}" for row in elsewhere),
            blank=tuple(d for d, (number, _) in devices.items() if number not in known),
        )

    def plan(self, group: LvmVolumeGroup, found: State | None) -> Change[State]:
        """Compare the devices; refuse what would lose data."""
        now = found if self.there(found) else None
        if group.action == "remove":
            if now is not None and now.volumes:
                raise HostError(
                    f"{group} has {now.volumes} logical volumes: their data would be lost",
                    hint="remove them first",
                )
            return Change(now, None)
        known = found or State()
        had = now.physical_volumes or () if now is not None else ()
        added = [device for device in group.devices if device not in had]
        kept = [d for d in had if d in group.devices or not group.remove_extra_pvs]
        overwritten = _refuse_others(group, known, added)
        _refuse_losses(group, now, added, [d for d in had if d not in kept])
        if now is not None and group.extent_size not in (None, now.extent_size):
            raise HostError(
                f"{group} has extents of {now.extent_size} bytes, not {group.extent_size}",
                hint="they are chosen when a group is made; declare those it has",
            )
        note = None
        if overwritten:
            note = f"what is on the devices is overwritten and lost: {'; '.join(overwritten)}"
        wanted = State(
            tuple(sorted([*kept, *added])),
            group.extent_size,
            other=tuple(overwritten),
            blank=tuple(device for device in added if device in known.blank),
        )
        return Change(now, wanted, note=note)

    def commands(self, name: str, change: Change[State]) -> Iterator[Command]:
        """Make it, add and take out devices, or remove it; LVM itself refuses if there is data."""
        found, wanted = change.found, change.wanted
        before = found.physical_volumes or () if found is not None else ()
        if wanted is None:
            yield sh("vgremove -q {} </dev/null", name)
            yield from _unmade(found.blank if found is not None else (), before)
            return
        after = before if wanted.physical_volumes is None else wanted.physical_volumes
        added = [device for device in after if device not in before]
        for device in added:
            if device in wanted.blank:
                wiped = any(one.startswith(f"{device}: ") for one in wanted.other)
                yield from make(device, wipe=wiped)
        if found is None:
            size = sh("-s {}b", wanted.extent_size) if wanted.extent_size else sh("")
            yield sh("vgcreate -q {} {} {} </dev/null", size, name, added)
            return
        if added:
            yield sh("vgextend -q {} {} </dev/null", name, added)
        if gone := [device for device in before if device not in after]:
            yield sh("vgreduce -q {} {}", name, gone)
            yield from _unmade(found.blank, gone)

    def missing(
        self, group: LvmVolumeGroup, _text: str | None, tool: str | None, *devices: str | None
    ) -> Iterator[Thing]:
        """Yield LVM and the devices."""
        if tool is None:
            yield Thing("tool", "lvm")
        for path, there in zip(group.devices, devices, strict=False):
            if there is None:
                yield Thing("path", path)

    def about(self, group: LvmVolumeGroup) -> Iterable[Thing]:
        """Yield the group; before its removal, also what is in it."""
        own = [Thing(group.kind(), group.name)]
        return [*own, Thing("lvm_space", group.name)] if group.action == "remove" else own

    def alters(self, group: LvmVolumeGroup, change: Change[State] | None) -> Iterable[Thing]:
        """Yield the group, the space in it, and its devices."""
        devices = [Thing("path", device) for device in group.devices]
        return [Thing(group.kind(), group.name), Thing("lvm_space", group.name), *devices]

    def removes(self, group: LvmVolumeGroup, change: Change[State] | None) -> Iterable[Thing]:
        """Yield the group; the devices stay."""
        going = change is None or change.wanted is None
        return [Thing(group.kind(), group.name)] if going else []

    def brings(self, name: str, change: Change[State]) -> Iterable[Thing]:
        """Yield the group."""
        return [Thing("lvm_volume_group", name)] if self.there(change.wanted) else []

    def there(self, state: State | None) -> bool:
        """Return whether there is such a group."""
        return state is not None and bool(state.physical_volumes)

    def lost(self, name: str, change: Change[State]) -> str | None:
        """Describe what was overwritten."""
        other = change.wanted.other if change.wanted is not None else ()
        return f"what was on the devices: {'; '.join(other)}" if other else None

    def back(self, name: str, change: Change[State], now: State | None) -> Change[State]:
        """Return to the former devices; what became a physical volume with it is none again."""
        made = change.wanted.blank if change.wanted is not None else ()
        left = replace(now, blank=made) if now is not None and self.there(now) else None
        before = change.found
        if before is None or left is None:
            return Change(left, before)
        return Change(left, State(before.physical_volumes))

    def preflight(self, changes: Sequence[tuple[str, Change[State]]]) -> Command | None:
        """Ask which logical volumes those groups have that would go."""
        gone = [name for name, change in changes if change.wanted is None]
        return join([_volumes_of(name) for name in gone]) if gone else None

    def objection(self, name: str, said: str, going: Collection[Thing]) -> str | None:
        """Return the reason that logical volumes stay."""
        pairs = [line.split() for line in said.splitlines()]
        stay = [
            pair[1]
            for pair in pairs
            if len(pair) == 2
            and pair[0] == name
            and Thing("lvm_logical_volume", f"{name}/{pair[1]}") not in going
        ]
        return f"it has logical volumes: {', '.join(stay)}" if stay else None


def _devices(text: str) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Return the declared devices of an answer: path -> (its number, the signatures on it)."""
    pieces = re.split(r"(?m)^device ", text)[1:]
    found = {}
    for piece in pieces:
        number, _, path = piece.partition("\n")[0].partition(" ")
        found[path] = (number, signatures(piece))
    return found


def _number(row: Row) -> str:
    return f"{row['pv_major']}:{row['pv_minor']}"


def _path(row: Row, names: Mapping[str, str]) -> str:
    """Return the path by which the recipe names a device, or LVM does."""
    return names.get(_number(row), row["pv_name"])


def _refuse_others(group: LvmVolumeGroup, known: State, added: Sequence[str]) -> list[str]:
    """Return what is overwritten on the added devices; raise HostError if that is not allowed."""
    taken = [one for one in known.elsewhere if one.partition(": ")[0] in added]
    if taken:
        raise HostError(
            f"{group}: a device belongs to another volume group: {'; '.join(taken)}",
            hint="take it out of that group first, or name another device",
        )
    other = [one for one in known.other if one.partition(": ")[0] in added]
    if other and not group.wipe_signatures:
        raise HostError(
            f"{group}: a device has something on it already: {'; '.join(other)}",
            hint="it is not overwritten; if nothing of it is needed, `wipefs -a` removes it, or"
            " wipe_signatures=True",
        )
    return other


def _refuse_losses(
    group: LvmVolumeGroup, now: State | None, added: Sequence[str], gone: Sequence[str]
) -> None:
    """Raise HostError for a change of an incomplete group, or if a used device would go."""
    if now is None or not (added or gone):
        return
    if now.lacking:
        raise HostError(
            f"{group} is not complete: {now.lacking} of its physical volumes are not there",
            hint="bring the device back, or `vgreduce --removemissing` on the host",
        )
    if used := [device for device in gone if device in now.used]:
        raise HostError(
            f"{group}: logical volumes have data on {', '.join(used)}",
            hint="`pvmove` moves it to the other devices",
        )


def _unmade(made: Sequence[str], gone: Sequence[str]) -> Iterator[Command]:
    """Yield the commands after which what became a physical volume with the group is none."""
    if devices := [device for device in gone if device in made]:
        yield sh("pvremove -q {}", devices)


def _volumes_of(group: str) -> Command:
    return sh(
        "PATH=$PATH:/sbin:/usr/sbin lvs --noheadings -o vg_name,lv_name --select {} || exit",
        f'vg_name="{group}"',
    )
