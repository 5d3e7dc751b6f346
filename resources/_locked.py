"""Properties that types have in common which install what a lock file names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from typing import ClassVar

from cookbook.errors import RecipeError
from cookbook.provider import SENSITIVE, Resource, holds_secret
from cookbook.resources.file import absolute


class FromLock(Resource):
    """The packages of an application, as its lock file names them."""

    unique: ClassVar[bool] = True

    tool: ClassVar[str] = ""
    """The usual name of the program."""

    path: str | None = None
    """The absolute path of the application's folder, if it is not the resource's name."""

    user: str | None = None
    """The user that asks and installs; None: the one that the folder belongs to."""

    program: str | None = None
    """The program: a name in the PATH, or an absolute path, whose folder is the first in the PATH
    then. None: the usual name."""

    environment: Mapping[str, str] = field(default_factory=dict, metadata=SENSITIVE)
    """Variables of the environment in which it installs; a value may be a Secret."""

    timeout: float = 1800.0
    """Seconds that it may take to install."""

    def check(self) -> None:
        """Raise RecipeError for a wrong path, user, program or variable."""
        absolute(self, self.identity)
        if ":" in self.identity or "\n" in self.identity:
            raise RecipeError(f"{self}: {self.identity!r} cannot be the folder of an application")
        if not re.fullmatch(r"/?[A-Za-z0-9_.+-]+(/[A-Za-z0-9_.+-]+)*", self.command):
            raise RecipeError(f"{self}: {self.command!r} is no program", hint=self.tool)
        for name in self.environment or ():
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
                raise RecipeError(f"{self}: {name!r} is no name of a variable")
        if holds_secret(self.environment):
            object.__setattr__(self, "sensitive", True)

    def folder_inside(self, name: str, value: str) -> None:
        """Raise RecipeError unless a value is a relative path in the folder."""
        parts = value.split("/")
        if {"", ".", ".."} & {*parts} or "\n" in value or parts[0].startswith("-"):
            raise RecipeError(f"{self}: {name} {value!r} is no folder inside of it")

    @property
    def command(self) -> str:
        """The program."""
        return self.program or self.tool

    @property
    def locks(self) -> tuple[str, ...]:
        """The names of the lock file, the first that is there counts."""
        return ()

    @property
    def identity(self) -> str:
        """The folder of the application."""
        return self.path or self.name
