"""Alternatives: which of several programs has the common name."""

from __future__ import annotations

import re
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import Resource, recipe_function
from cookbook.resources.file import absolute


class Alternatives(Resource):
    """
    A program that can have a common name, like editor or java, and whether it has it.

    `install` registers the program, `set` gives it the name, `auto` leaves the choice to the
    priorities, `remove` takes it from the list.

    Example::

        alternatives("editor", action="set", path="/usr/bin/vim.basic")
    """

    category: ClassVar[str] = "system"

    unique: ClassVar[bool] = True

    link_name: str | None = None
    """The common name, e.g. java; None: the name of the resource."""

    link: str | None = None
    """Absolute path of the link; None: /usr/bin/ and the common name."""

    path: str | None = None
    """Absolute path of the program."""

    priority: int | None = None
    """Its priority, for `install`."""

    action: (
        Literal["install", "set", "auto", "remove", "nothing"]
        | tuple[Literal["install", "set"], ...]
        | list[Literal["install", "set"]]
    ) = "install"
    """`["install", "set"]` registers the program and gives it the name."""

    def validate(self) -> None:
        """Check names and paths."""
        if not re.fullmatch(r"[A-Za-z0-9_.+-]+", self.common) or self.common.startswith("-"):
            raise RecipeError(f"{self}: {self.common!r} cannot be the name of an alternative")
        absolute(self, self.link_path)
        if self.path is not None:
            absolute(self, self.path)
        if self.path is None and set(self.doing) & {"install", "set", "remove"}:
            raise RecipeError(f"{self}: {' and '.join(self.doing)} needs a path")
        if self.priority is None and "install" in self.doing:
            raise RecipeError(f"{self}: `install` needs a priority")

    @property
    def common(self) -> str:
        """The common name."""
        return self.name if self.link_name is None else self.link_name

    @property
    def link_path(self) -> str:
        """The path of the link."""
        return f"/usr/bin/{self.common}" if self.link is None else self.link

    @property
    def identity(self) -> str:
        """The name, and the program if it is about one."""
        return self.common if self.path is None else f"{self.common} {self.path}"


alternatives = recipe_function(Alternatives)
