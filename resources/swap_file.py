"""Files that are swap space."""

from __future__ import annotations

from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import Resource, recipe_function
from cookbook.resources.file import absolute


class SwapFile(Resource):
    """
    A file that is swap space, of exactly this size: another size makes it anew.

    How readily the kernel uses it is said by `sysctl("vm.swappiness", value=10)`.

    Example::

        swap_file("/swapfile", size=1024)
    """

    category: ClassVar[str] = "system"

    unique: ClassVar[bool] = True

    namespace: ClassVar[str] = "path"

    path: str | None = None
    """Absolute path of the file; None: the name of the resource."""

    size: int | None = None
    """Size in MiB."""

    persist: bool | None = None
    """True: it has a line in /etc/fstab, False: it has none; None: that file is left alone."""

    timeout: float = 600.0
    """Seconds that each step may take: moving out what is swapped, writing the file."""

    action: Literal["create", "remove", "nothing"] = "create"

    def validate(self) -> None:
        """Check path and size."""
        absolute(self, self.identity)
        if self.action == "create" and (self.size is None or self.size < 1):
            raise RecipeError(f"{self}: `create` needs a size in MiB, at least 1")
        if self.timeout <= 0:
            raise RecipeError(f"{self}: timeout must be positive")

    @property
    def identity(self) -> str:
        """The path."""
        return self.name if self.path is None else self.path


swap_file = recipe_function(SwapFile)
