"""Links: symbolic and hard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import Resource, recipe_function
from cookbook.resources.file import absolute, one_action, owned

Action = Literal["create", "delete", "nothing"]


class Link(Resource):
    """
    A link: Chef's `link`. Only a link is ever replaced or deleted.

    Example::

        link("/srv/app/current", to="/srv/app/releases/42")
    """

    category: ClassVar[str] = "files"

    unique: ClassVar[bool] = True

    namespace: ClassVar[str] = "path"

    to: str | None = None
    """The target: an absolute path, or for a symbolic link a relative one."""

    target_file: str | None = None
    """The absolute path, if it is not the resource's name."""

    link_type: Literal["symbolic", "hard"] = "symbolic"
    """A symbolic link, or a second name of the same file."""

    owner: str | int | None = None
    """The owner of the symbolic link: a name, or a number."""

    group: str | int | None = None
    """Which group the symbolic link belongs to: a name, or a number."""

    action: Action | Sequence[Action] = "create"

    def validate(self) -> None:
        """Check the paths."""
        absolute(self, self.identity)
        one_action(self)
        owned(self)
        if not self.to and (self.action == "create" or self.link_type == "hard"):
            raise RecipeError(f"{self}: it must point somewhere", hint='to="/path/of/the/target"')
        if self.to is not None and "\0" in self.to:
            raise RecipeError(f"{self}: {self.to!r} is no path")
        if self.to and self.link_type == "hard":
            absolute(self, self.to)
            if self.owner is not None or self.group is not None:
                raise RecipeError(f"{self}: a hard link has the owner of its file")

    @property
    def identity(self) -> str:
        """Its path."""
        return self.target_file or self.name


link = recipe_function(Link)
