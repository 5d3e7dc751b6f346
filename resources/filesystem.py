"""File systems on devices."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import Resource, recipe_function
from cookbook.resources._arguments import refuse_secrets
from cookbook.resources.file import absolute

EXT = ("ext2", "ext3", "ext4")

_LABELS = {"ext2": 16, "ext3": 16, "ext4": 16, "xfs": 12, "btrfs": 255, "vfat": 11}


class Filesystem(Resource):
    """
    A file system on a device, or on an image file; made only where there is nothing.

    A device with any signature (another file system, a partition table, RAID, LVM) is refused, so
    that no data is ever overwritten: `wipefs -a` says that they are not needed. Nothing removes a
    file system; `mount` mounts it.

    Example::

        filesystem("/dev/vdb1", fstype="ext4", label="data")
    """

    category: ClassVar[str] = "system"

    unique: ClassVar[bool] = True

    device: str | None = None
    """Absolute path of the device or image file; None: the name of the resource."""

    fstype: Literal["ext2", "ext3", "ext4", "xfs", "btrfs", "vfat"] = "ext4"
    """Type of the file system; its mkfs program is of a package (xfsprogs, dosfstools ...)."""

    label: str | None = None
    """Its label; changed later only on ext2, ext3 and ext4."""

    uuid: str | None = None
    """Its UUID, likewise; None: any."""

    options: str | Sequence[str] = ()
    """Further options of mkfs, for a new file system only."""

    grow: bool = False
    """True: it fills the device, also when that has grown; ext2, ext3 and ext4 only."""

    timeout: float = 600.0
    """Seconds that each step may take."""

    action: Literal["create", "nothing"] = "create"

    def validate(self) -> None:
        """Check device, label and UUID."""
        refuse_secrets(self, self.device, self.label, self.options)
        absolute(self, self.identity)
        longest = _LABELS[self.fstype]
        if self.label is not None and (
            not re.fullmatch(r"[\x20-\x7e]*", self.label) or len(self.label) > longest
        ):
            raise RecipeError(f"{self}: a label of {self.fstype} has up to {longest} characters")
        if self.uuid is not None and not re.fullmatch(
            r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", self.uuid
        ):
            raise RecipeError(f"{self}: {self.uuid!r} is no UUID in lower case")
        if self.uuid is not None and self.fstype == "vfat":
            raise RecipeError(f"{self}: vfat has no UUID")
        if self.grow and self.fstype not in EXT:
            raise RecipeError(
                f"{self}: only {', '.join(EXT)} grow while they are not mounted",
                hint=f"an execute that grows {self.fstype} after its mount",
            )
        if self.timeout <= 0:
            raise RecipeError(f"{self}: timeout must be positive")

    @property
    def words(self) -> tuple[str, ...]:
        """The options of mkfs, one by one."""
        return tuple(self.options.split() if isinstance(self.options, str) else self.options)

    @property
    def identity(self) -> str:
        """The path of the device."""
        return self.name if self.device is None else self.device


filesystem = recipe_function(Filesystem)
