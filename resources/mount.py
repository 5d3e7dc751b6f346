"""File systems that are mounted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import Resource, recipe_function
from cookbook.resources._arguments import refuse_secrets
from cookbook.resources.file import absolute

Action = Literal["mount", "umount", "unmount", "remount", "enable", "disable", "nothing"]

_AGAINST = (
    ("mount", "umount"),
    ("remount", "umount"),
    ("enable", "disable"),
)


class Mount(Resource):
    """
    A file system, mounted now (`mount`) or at each boot (`enable`, in /etc/fstab), or both.

    Options of a mounted file system that are not as declared are changed by a remount. What the
    kernel does not show of options (a password, _netdev, nofail) is not compared.

    Example::

        mount("/srv/data", device="/dev/vdb1", fstype="ext4", action=["mount", "enable"])
    """

    category: ClassVar[str] = "system"

    unique: ClassVar[bool] = True

    mount_point: str | None = None
    """Absolute path of the folder; None: the name of the resource."""

    device: str | None = None
    """Device, share, folder (with the option bind), or a name like tmpfs."""

    device_type: Literal["device", "label", "uuid"] = "device"
    """`device` is a path or name, the label, or the UUID of a file system."""

    fstype: str = "auto"
    """Type of the file system."""

    options: str | Sequence[str] = ("defaults",)
    """Options, as of mount(8)."""

    dump: int = 0
    """Fifth field of fstab(5)."""

    passno: int | None = None
    """
    Sixth field of fstab(5), Chef's `pass`: the order of checks at boot, 0 for none. By default 2
    for a device, 0 for anything else.
    """

    action: Action | Sequence[Action] = "mount"

    def validate(self) -> None:
        """Check paths and options."""
        refuse_secrets(
            self, self.device, self.options, hint="name a file with it: credentials=/etc/share.cred"
        )
        if self.identity != "/":
            absolute(self, self.identity)
        doing = {"umount" if action == "unmount" else action for action in self.doing}
        for one, other in _AGAINST:
            if {one, other} <= doing:
                raise RecipeError(f"{self}: {one} and {other} contradict each other")
        if self.device is None and doing & {"mount", "enable"}:
            raise RecipeError(f"{self}: {' and '.join(self.doing)} needs a device")
        self._check_values()
        if "umount" in doing and self.identity == "/":
            raise RecipeError(f"{self}: the root file system cannot be unmounted")
        if {"ro", "rw"} <= set(self.wishes):
            raise RecipeError(f"{self}: the options ro and rw contradict each other")

    def _check_values(self) -> None:
        if self.device is not None and not re.fullmatch(r"[^\0\n#][^\0\n]*", self.device):
            raise RecipeError(f"{self}: {self.device!r} is no device")
        if not re.fullmatch(r"[A-Za-z0-9._-]+", self.fstype):
            raise RecipeError(f"{self}: {self.fstype!r} is no type of a file system")
        for option in self.wishes:
            if not re.fullmatch(r"[^\s,#\0]+", option):
                raise RecipeError(f"{self}: {option!r} is no option")

    @property
    def wishes(self) -> Sequence[str]:
        """The declared options, one by one."""
        given = self.options.split(",") if isinstance(self.options, str) else self.options
        return tuple(option for option in given if option != "")

    @property
    def source(self) -> str:
        """The device as fstab(5) and mount(8) take it."""
        prefix = {"label": "LABEL=", "uuid": "UUID="}.get(self.device_type, "")
        return f"{prefix}{self.device or ''}"

    @property
    def bind(self) -> bool:
        """Return True if a folder is mounted at another place."""
        return bool({"bind", "rbind"} & set(self.wishes))

    @property
    def identity(self) -> str:
        """The mount point."""
        return self.name if self.mount_point is None else self.mount_point


mount = recipe_function(Mount)
