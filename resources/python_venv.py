"""Virtual environments of Python."""

from __future__ import annotations

import re
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import Resource, recipe_function
from cookbook.resources.file import absolute


class PythonVenv(Resource):
    """
    A virtual environment of Python, made by the module venv of its interpreter, with pip.

    It is upgraded in place if the interpreter is another one, or has another version, or if the
    environment is broken. Debian has the module in the package python3-venv.

    Example::

        python_venv("/srv/shop/venv", user="www-data")
    """

    category: ClassVar[str] = "applications"

    unique: ClassVar[bool] = True

    namespace: ClassVar[str] = "path"

    path: str | None = None
    """The absolute path of its folder, if it is not the resource's name."""

    python: str = "python3"
    """The interpreter: a name in the PATH, or an absolute path."""

    user: str | None = None
    """The user that makes it, and that it belongs to; None: root."""

    system_site_packages: bool = False
    """Let it see the packages that are installed for the interpreter itself."""

    timeout: float = 600.0
    """Seconds that it may take to make it."""

    action: Literal["create", "delete", "nothing"] = "create"

    def validate(self) -> None:
        """Check the paths."""
        absolute(self, self.identity)
        if "\n" in self.identity or ":" in self.identity:
            raise RecipeError(f"{self}: a venv cannot have a colon or a newline in its path")
        if not re.fullmatch(r"/?[A-Za-z0-9_.+-]+(/[A-Za-z0-9_.+-]+)*", self.python):
            raise RecipeError(f"{self}: {self.python!r} is no interpreter", hint="python3.11")
        if "/" in self.python:
            absolute(self, self.python)

    @property
    def identity(self) -> str:
        """The path of its folder."""
        return self.path or self.name


python_venv = recipe_function(PythonVenv)
