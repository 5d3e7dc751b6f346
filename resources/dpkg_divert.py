"""Diversions of files of packages."""

from __future__ import annotations

from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import Resource, recipe_function
from cookbook.resources.file import absolute


class DpkgDivert(Resource):
    """
    A diversion: a file of a package is put at another path, now and at each upgrade.

    So an own file can be in its place. A file that is there is renamed, unless `rename` is false.

    Example::

        dpkg_divert("/usr/bin/editor-wrapper", divert_to="/usr/bin/editor-wrapper.distrib")
    """

    category: ClassVar[str] = "packages"

    unique: ClassVar[bool] = True

    path: str | None = None
    """The path of the file, if it is not the resource's name."""

    divert_to: str | None = None
    """The other path; None: the path with `.distrib`."""

    rename: bool = True
    """Rename the file that is there, and rename it back at the removal."""

    action: Literal["add", "remove", "nothing"] = "add"

    def validate(self) -> None:
        """Check the paths."""
        absolute(self, self.identity)
        absolute(self, self.target)
        if self.target == self.identity:
            raise RecipeError(f"{self}: it is diverted to itself")
        if any("\n" in path for path in (self.identity, self.target)):
            raise RecipeError(f"{self}: a path of dpkg-divert(1) is one line")

    @property
    def identity(self) -> str:
        """The path."""
        return self.path or self.name

    @property
    def target(self) -> str:
        """The other path."""
        return self.divert_to or f"{self.identity}.distrib"


dpkg_divert = recipe_function(DpkgDivert)
