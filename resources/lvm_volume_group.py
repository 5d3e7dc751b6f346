"""Volume groups of LVM."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import Resource, recipe_function
from cookbook.resources._arguments import refuse_secrets
from cookbook.resources._lvm import check_volume_name, listed, size_in_bytes
from cookbook.resources.file import absolute


class LvmVolumeGroup(Resource):
    """
    A volume group of LVM on the devices that are listed.

    Devices are added, and made physical volumes if nothing is on them. Those that the group has
    besides stay, unless `remove_extra_pvs`; one with data of a logical volume is never taken out.
    A group with logical volumes is never removed. Source: vgcreate(8), vgextend(8), vgreduce(8);
    the cookbook lvm of Chef.

    Example::

        lvm_volume_group("data", physical_volumes=["/dev/vdb", "/dev/vdc"])
    """

    category: ClassVar[str] = "system"

    unique: ClassVar[bool] = True

    physical_volumes: str | Sequence[str] = ()
    """Absolute paths of its devices; links such as those in /dev/disk/by-id are followed."""

    physical_extent_size: str | int | None = None
    """Size of its extents, for a new group only: "4M", or bytes; None: what LVM chooses."""

    wipe_signatures: bool = False
    """Let it overwrite what is on a device that is added; that is lost."""

    remove_extra_pvs: bool = False
    """True: unused physical volumes that are not listed are taken out of the group."""

    action: Literal["create", "remove", "nothing"] = "create"

    def validate(self) -> None:
        """Check names, paths and the size of extents."""
        refuse_secrets(self, self.name, *self.devices)
        check_volume_name(self, self.name)
        for path in self.devices:
            absolute(self, path)
        if self.action == "create" and not self.devices:
            raise RecipeError(f"{self}: physical_volumes must have at least one device")
        if len(set(self.devices)) < len(self.devices):
            raise RecipeError(f"{self}: physical_volumes has a device twice")
        if self.extent_size is not None and self.extent_size & (self.extent_size - 1):
            raise RecipeError(f"{self}: physical_extent_size must be a power of two")

    @property
    def devices(self) -> tuple[str, ...]:
        """The paths of its devices."""
        return listed(self.physical_volumes)

    @property
    def extent_size(self) -> int | None:
        """Bytes of an extent; None: what LVM chooses."""
        size = self.physical_extent_size
        return None if size is None else size_in_bytes(self, size)


lvm_volume_group = recipe_function(LvmVolumeGroup)
