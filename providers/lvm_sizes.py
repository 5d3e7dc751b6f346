"""The sizes of logical volumes: what is wanted in whole extents, and what would lose data."""

from __future__ import annotations

from dataclasses import dataclass

from cookbook.errors import HostError
from cookbook.provider import hint
from cookbook.providers.lvm import whole
from cookbook.resources._lvm import share_of, size_in_bytes
from cookbook.resources.lvm_logical_volume import LvmLogicalVolume

_RESIZED = ("linear", "striped", "raid")


@dataclass(frozen=True)
class State:
    """A logical volume, and the room in its group."""

    size: int | None = None
    """Bytes; 0 if there is no such volume."""
    share: str | None = None
    """The wanted size as lvcreate(8) takes it, while nothing is known of the group."""
    active: bool | None = None
    """True if it has a device; None if LVM does not ask the kernel on this host."""
    layout: str = hint(default="")
    """Its kind: `linear`, `striped`, `thin,sparse`."""
    content: str | None = hint()
    """The signatures in it; empty without any, None if that is not known: it has no device."""
    filesystem: int = hint(default=0)
    """Bytes of the file system in it, if it is ext2, ext3 or ext4."""
    opened: bool = hint(default=False)
    """True if something uses it: it is mounted."""
    extent: int = hint(default=0)
    """Bytes of an extent of the group; 0 while nothing is known of it."""
    total: int = hint(default=0)
    """Bytes of the group."""
    free: int = hint(default=0)
    """Bytes of the group that no volume has."""
    devices: tuple[str, ...] = hint(default=())
    options: tuple[str, ...] = hint(default=())
    """Options of lvcreate(8)."""
    wipe: bool = hint(default=False)


def wanted_size(volume: LvmLogicalVolume, found: State | None) -> tuple[int | None, str | None]:
    """Return the wanted bytes, or the share where nothing is known of the group."""
    share = None if volume.size is None else share_of(volume, volume.size)
    if found is None:
        if share is None and volume.size is not None and not volume.take_up_free_space:
            return size_in_bytes(volume, volume.size), None
        number, word = (100, "FREE") if volume.take_up_free_space or share is None else share
        return None, f"{number}%{word}"
    if not found.extent:  # as planned while nothing was known of the group
        return found.size, found.share
    step = found.extent * (volume.stripes or 1)
    size = found.size or 0
    if volume.take_up_free_space:
        return size + whole(found.free, step), None
    if share is not None:
        number, word = share
        if word == "FREE":
            return size or whole(found.free * number // 100, step), None
        wanted = whole(found.total * number // 100, step)
        return (size if size == wanted + step else wanted), None  # other tools round up
    return whole(size_in_bytes(volume, volume.size or 0), step, up=True), None


def checked_size(volume: LvmLogicalVolume, now: State, size: int | None) -> int | None:
    """Return the size. Raises HostError if the volume would lose data, or cannot be resized."""
    if size is None or now.size is None or size == now.size:
        return size
    if not any(kind in now.layout.split(",") for kind in _RESIZED) or "thin" in now.layout:
        raise HostError(
            f"{volume} is {now.layout or 'of an unknown kind'}, which is not resized:"
            f" {now.size} bytes, not {size}",
            hint="declare its size as it is",
        )
    if size < now.size and not volume.shrink:
        raise HostError(
            f"{volume} is larger than declared: {now.size} bytes, not {size}",
            hint="declare its size as it is; shrink=True makes it smaller, after its file system"
            " was: what is beyond the end is lost",
        )
    if size < now.size and (now.opened or size < now.filesystem):
        why = "is in use" if now.opened else f"has a file system of {now.filesystem} bytes"
        raise HostError(
            f"{volume} {why}, so it cannot have {size} bytes",
            hint="unmount it, and make its file system smaller first (`resize2fs`)",
        )
    if size - now.size > now.free:
        raise lacks(volume, size - now.size, now.free)
    return size


def lacks(volume: LvmLogicalVolume, size: int, free: int) -> HostError:
    """Return the error that so many bytes are not free in its group."""
    needed = f"needs {size} bytes more" if size else "takes a share of what is free"
    return HostError(
        f"{volume} {needed}; {free} are free in {volume.group}",
        hint="add a device to lvm_volume_group, or declare less",
    )
