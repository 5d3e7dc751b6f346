"""Physical volumes of LVM."""

from __future__ import annotations

from typing import ClassVar, Literal

from cookbook.provider import Resource, recipe_function
from cookbook.resources._arguments import refuse_secrets
from cookbook.resources.file import absolute


class LvmPhysicalVolume(Resource):
    """
    A device that LVM may use; made only where there is nothing.

    A device with any signature (a file system, a partition table, RAID) is refused unless
    `wipe_signatures` allows to overwrite it. One that belongs to a volume group is never
    removed. Source: pvcreate(8), pvresize(8); the cookbook lvm of Chef.

    Example::

        lvm_physical_volume("/dev/vdb")
    """

    category: ClassVar[str] = "system"

    unique: ClassVar[bool] = True

    volume_name: str | None = None
    """Absolute path of the device; None: the name of the resource."""

    wipe_signatures: bool = False
    """Let it overwrite what is on the device; that is lost."""

    grow: bool = False
    """True: it fills the device, also when that has grown. It is never made smaller."""

    action: Literal["create", "remove", "nothing"] = "create"

    def validate(self) -> None:
        """Check the path."""
        refuse_secrets(self, self.volume_name)
        absolute(self, self.identity)

    @property
    def identity(self) -> str:
        """The path of the device."""
        return self.name if self.volume_name is None else self.volume_name


lvm_physical_volume = recipe_function(LvmPhysicalVolume)
