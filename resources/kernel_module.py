"""Modules of the kernel."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import Resource, recipe_function
from cookbook.resources.file import absolute

Action = Literal[
    "install", "uninstall", "blacklist", "disable", "enable", "load", "unload", "nothing"
]


class KernelModule(Resource):
    """
    A module of the kernel: loaded now, loaded at boot, or kept from being loaded.

    `install` loads it now and at each boot; `uninstall` takes that back, and unloads it.
    `blacklist` keeps it from being loaded by itself, `disable` from being loaded at all; both
    unload it, and `enable` takes both back. `load` and `unload` are for now only.

    Example::

        kernel_module("br_netfilter", action="install")
    """

    category: ClassVar[str] = "system"

    unique: ClassVar[bool] = True

    modname: str | None = None
    """Name of the module; None: the name of the resource. A dash means an underscore."""

    options: Sequence[str] | None = None
    """Parameters of the module, e.g. ["max_loop=64"]; None: left as they are."""

    load_dir: str = "/etc/modules-load.d"
    """Folder of the file that has it loaded at boot."""

    unload_dir: str = "/etc/modprobe.d"
    """Folder of the files with options, and of those that keep it from being loaded."""

    action: Action | Sequence[Action] = "install"

    def validate(self) -> None:
        """Check the name, the folders and the options."""
        if not re.fullmatch(r"[A-Za-z0-9_]+", self.identity):
            raise RecipeError(f"{self}: {self.identity!r} cannot be the name of a module")
        absolute(self, self.load_dir)
        absolute(self, self.unload_dir)
        for option in self.options or ():
            if not re.fullmatch(r"[A-Za-z0-9_.-]+(=[^\s\0]*|=\"[^\"\n\0]*\")?", option):
                raise RecipeError(f"{self}: {option!r} is no option", hint="like max_loop=64")
        if self.options is not None and "install" not in self.doing:
            raise RecipeError(f"{self}: only `install` takes options")
        against = {"uninstall", "blacklist", "disable", "unload"} & set(self.doing)
        if against and {"install", "load", "enable"} & set(self.doing):
            raise RecipeError(f"{self}: {' and '.join(self.doing)} contradict each other")

    @property
    def identity(self) -> str:
        """The name as the kernel has it, with underscores."""
        return (self.name if self.modname is None else self.modname).replace("-", "_")


kernel_module = recipe_function(KernelModule)
