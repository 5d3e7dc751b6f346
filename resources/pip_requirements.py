"""All packages of Python that an application requires."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import recipe_function
from cookbook.resources._arguments import refuse_secrets
from cookbook.resources._pip import InVenv
from cookbook.resources.file import absolute


class PipRequirements(InVenv):
    """
    The packages that an application requires, in its virtual environment.

    Each requirement is compared with what is installed, and so is what these packages depend on.
    Packages that are not required stay.

    Example::

        pip_requirements("/srv/shop/current/requirements.txt", venv="/srv/shop/venv")
    """

    category: ClassVar[str] = "applications"

    path: str | None = None
    """The absolute path of the file of requirements on the host, if it is not the resource's name;
    no file is read if `requirements` are given."""

    requirements: Sequence[str] = ()
    """The requirements, as lines of such a file."""

    require_hashes: bool = False
    """Install nothing whose digest is not in the file. What is installed has no digest to compare:
    the version counts."""

    action: Literal["install", "nothing"] = "install"

    def validate(self) -> None:
        """Check the path and the lines."""
        if self.requirements and self.path is not None:
            raise RecipeError(f"{self}: path and requirements cannot both be given")
        if not self.requirements:
            absolute(self, self.path or self.name)
        for line in self.requirements or ():
            if "\n" in line or not line.strip():
                raise RecipeError(f"{self}: {line!r} is not one line")
        hint = "a password for an index belongs into `index_url`"
        refuse_secrets(self, list(self.requirements or ()), hint=hint)
        self.check()

    @property
    def source(self) -> str | None:
        """The path of the file on the host; None with lines of the recipe."""
        return None if self.requirements else (self.path or self.name)

    @property
    def identity(self) -> str:
        """The environment and the file, or the name of the list."""
        return f"{self.venv}:{self.path or self.name}"


pip_requirements = recipe_function(PipRequirements)
