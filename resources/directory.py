"""Directories."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from cookbook.provider import Resource, octal, recipe_function
from cookbook.resources.file import absolute, one_action, owned

Action = Literal["create", "delete", "nothing"]


class Directory(Resource):
    """
    A directory: Chef's `directory`. Owner, group and mode are the leaf's alone.

    Example::

        directory("/srv/app", owner="app", group="app", mode="0750")
    """

    category: ClassVar[str] = "files"

    unique: ClassVar[bool] = True

    namespace: ClassVar[str] = "path"

    path: str | None = None
    """The absolute path, if it is not the resource's name."""

    owner: str | int | None = None
    """The owner: a name, or a number."""

    group: str | int | None = None
    """Which group it belongs to: a name, or a number."""

    mode: str | int | None = None
    """Permissions: octal text ("0755") or an octal integer (0o755). A new one has 0755, and
    the setgid bit of the folder it is in."""

    recursive: bool = False
    """Create the folders above as well; delete with all that is in it."""

    action: Action | Sequence[Action] = "create"

    def validate(self) -> None:
        """Check the path and the mode."""
        absolute(self, self.identity)
        one_action(self)
        owned(self)
        if self.mode is not None:
            object.__setattr__(self, "mode", octal(self.mode, str(self)))

    @property
    def identity(self) -> str:
        """Its path."""
        return self.path or self.name


directory = recipe_function(Directory)
