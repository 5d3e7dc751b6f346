"""Attributes and capabilities of files."""

from __future__ import annotations

import re
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import Resource, recipe_function
from cookbook.resources.file import absolute


class FileAttributes(Resource):
    """
    Attributes of a file or a folder, by chattr(1), and capabilities of a program, by setcap(8).

    An immutable file cannot be changed by any other resource: a plan says so.

    Example::

        file_attributes("/usr/local/bin/web", capabilities="cap_net_bind_service=ep")
    """

    category: ClassVar[str] = "files"

    unique: ClassVar[bool] = True

    path: str | None = None
    """Absolute path; None: the name of the resource."""

    immutable: bool | None = None
    """Nothing can be changed, not even by root; None: left as it is."""

    append_only: bool | None = None
    """Text can only be appended; in a folder, nothing can be removed; None: left as it is."""

    capabilities: str | None = None
    """Capabilities of a program, e.g. `cap_net_bind_service=ep`; empty: none; None: left as they
    are. A program that is written anew has none: declare them after it."""

    action: Literal["create", "nothing"] = "create"

    def validate(self) -> None:
        """Check the path and the form of the capabilities."""
        absolute(self, self.identity)
        if (self.immutable, self.append_only, self.capabilities) == (None, None, None):
            raise RecipeError(f"{self}: it has nothing to set", hint="e.g. immutable=True")
        pattern = r"cap_[a-z_]+(,cap_[a-z_]+)*[=+](?!.*(.).*\2)[eip]{1,3}"
        if self.capabilities and not re.fullmatch(pattern, self.capabilities):
            raise RecipeError(
                f"{self}: {self.capabilities!r} are no capabilities",
                hint="e.g. cap_net_raw,cap_net_admin=ep",
            )

    @property
    def identity(self) -> str:
        """The path."""
        return self.name if self.path is None else self.path


file_attributes = recipe_function(FileAttributes)
