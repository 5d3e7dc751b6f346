"""Logical volumes of LVM."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import Resource, recipe_function
from cookbook.resources._arguments import refuse_secrets
from cookbook.resources._lvm import check_volume_name, listed, share_of, size_in_bytes
from cookbook.resources.file import absolute


class LvmLogicalVolume(Resource):
    """
    A logical volume of LVM: it grows while it is used, and is never made smaller unasked.

    Sizes are rounded up to whole extents, shares down, and compared so. What is in it is left to
    `filesystem` and `mount`; `filesystem("/dev/data/www", grow=True)` follows its size. Linear and
    striped volumes are resized; thin ones, pools, caches and snapshots are left as they are.
    Source: lvcreate(8), lvextend(8), lvreduce(8); the cookbook lvm of Chef.

    Example::

        lvm_logical_volume("www", group="data", size="10G")
    """

    category: ClassVar[str] = "system"

    unique: ClassVar[bool] = True

    group: str = ""
    """Name of its volume group; required."""

    volume: str | None = None
    """Its name in the group; None: the name of the resource."""

    size: str | int | None = None
    """Bytes, "10G" (units are powers of 1024), "80%VG" of the group, or "80%FREE" of what is free
    when it is made: that says nothing of a volume that exists."""

    take_up_free_space: bool = False
    """True: it takes all that is free in its group, also what comes later."""

    shrink: bool = False
    """Let it become smaller. What is beyond the end is lost, unless the file system in it was made
    smaller before."""

    physical_volumes: str | Sequence[str] = ()
    """Devices of the group on which it is put and grows; empty: any."""

    stripes: int | None = None
    """Number of stripes, for a new volume only."""

    stripe_size: int | None = None
    """KiB of a stripe, for a new volume only; a power of two."""

    wipe_signatures: bool = False
    """Let a new volume overwrite what a removed one has left at its place."""

    active: bool | None = None
    """True if it is to have a device; None: a new one has, an existing one stays as it is."""

    lv_params: str | Sequence[str] = ()
    """Further options of lvcreate(8), for a new volume only."""

    force: bool = False
    """Let `remove` remove it with what is in it."""

    action: Literal["create", "remove", "nothing"] = "create"

    def validate(self) -> None:
        """Check names, size and stripes."""
        refuse_secrets(self, self.name, self.group, self.volume, self.lv_params, *self.devices)
        if not self.group:
            raise RecipeError(f"{self}: group is required")
        check_volume_name(self, self.group)
        check_volume_name(self, self.volume_name)
        for path in self.devices:
            absolute(self, path)
        if self.size is not None and share_of(self, self.size) is None:
            size_in_bytes(self, self.size)
        if self.action == "create" and self.size is None and not self.take_up_free_space:
            raise RecipeError(f"{self}: size is required, or take_up_free_space")
        if self.take_up_free_space and self.shrink:
            raise RecipeError(f"{self}: it cannot both take up free space and shrink")
        if self.stripes is not None and self.stripes < 1:
            raise RecipeError(f"{self}: stripes must be positive")
        step = self.stripe_size
        if step is not None and (step < 4 or step & (step - 1)):
            raise RecipeError(f"{self}: stripe_size must be a power of two, from 4 on")

    @property
    def volume_name(self) -> str:
        """Its name in the group."""
        return self.name if self.volume is None else self.volume

    @property
    def devices(self) -> tuple[str, ...]:
        """The devices on which it is put."""
        return listed(self.physical_volumes)

    @property
    def words(self) -> tuple[str, ...]:
        """The further options of lvcreate(8), one by one."""
        params = self.lv_params
        return tuple(params.split() if isinstance(params, str) else params)

    @property
    def identity(self) -> str:
        """Group and name: `data/www`."""
        return f"{self.group}/{self.volume_name}"


lvm_logical_volume = recipe_function(LvmLogicalVolume)
