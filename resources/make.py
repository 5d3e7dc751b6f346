"""Targets of make(1)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import recipe_function
from cookbook.resources._built import Built


class Make(Built):
    """
    Targets of make(1) in a source folder.

    They are made again if the sources (the commit with local edits, or without git all files but
    those that make has made), the version of make or of the compiler, or the arguments are others
    than those of the last time, or if a file in `creates` is not the one that was made then. If it
    fails, files in `creates` are put back.

    Example::

        make("/usr/src/tool", targets=["install"], variables={"PREFIX": "/usr/local"},
            creates=["/usr/local/bin/tool"])
    """

    category: ClassVar[str] = "applications"

    targets: str | Sequence[str] = ()
    """The targets, one after the other; none: the first of the makefile."""

    variables: Mapping[str, str] = field(default_factory=dict)
    """Variables on the command line of make(1)."""

    creates: str | Sequence[str] = ()
    """Absolute paths of files that are made. They are compared with those of the last time."""

    makefile: str | None = None
    """The makefile in the source folder, if it has another name than usual."""

    jobs: int = 1
    """Jobs at the same time."""

    action: Literal["build", "nothing"] = "build"

    def validate(self) -> None:
        """Check the paths and the arguments."""
        for name in (*self.goals, *([self.makefile] if self.makefile is not None else [])):
            if not name or name.startswith("-") or "=" in name or "\n" in name:
                raise RecipeError(f"{self}: {name!r} is no target", hint='targets=["install"]')
        for name in self.variables:
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]*", name):
                raise RecipeError(f"{self}: {name!r} cannot be a variable of make")
        if self.jobs < 1:
            raise RecipeError(f"{self}: jobs is at least 1")
        self.check()

    @property
    def goals(self) -> Sequence[str]:
        """The targets."""
        return (self.targets,) if isinstance(self.targets, str) else tuple(self.targets)

    @property
    def outputs(self) -> Sequence[str]:
        """The files that are made."""
        return (self.creates,) if isinstance(self.creates, str) else tuple(self.creates)

    @property
    def tools(self) -> Sequence[str]:
        """The program make(1)."""
        return ("make",)

    @property
    def compiler(self) -> str:
        """The compiler of C."""
        given = self.variables.get("CC") or self.environment.get("CC") or "cc"
        return given.split()[0] if given.split() else "cc"

    @property
    def words(self) -> Sequence[str]:
        """The command, without the number of jobs: it does not change what is made."""
        file = ("-f", self.makefile) if self.makefile is not None else ()
        variables = [f"{key}={value}" for key, value in self.variables.items()]
        return ("make", *file, *variables, *self.goals)

    @property
    def run(self) -> Sequence[str]:
        """The command with the number of jobs."""
        first, *rest = self.words
        return (first, f"-j{self.jobs}", *rest) if self.jobs > 1 else self.words


make = recipe_function(Make)
