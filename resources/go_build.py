"""Programs in Go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import recipe_function
from cookbook.resources._built import Built
from cookbook.resources.file import absolute


class GoBuild(Built):
    """
    A program in Go that is built on the host.

    It is built again if its sources (the commit with local edits, or without git all files), the
    version of Go or the arguments are others than those it was built of, or if the program is not
    the one that was built, or can be executed by no user. It is built by the owner of the sources,
    in a private folder, and comes to its place when it is complete: after a failed build the former
    program is there. Modules that it depends on are fetched by Go itself.

    Example::

        go_build("/usr/local/bin/shop", source="/srv/shop", package="./cmd/shop", tags=["prod"])
    """

    category: ClassVar[str] = "applications"

    unique: ClassVar[bool] = True

    namespace: ClassVar[str] = "path"

    output: str | None = None
    """
    The absolute path of the program, if it is not the resource's name.

    It belongs to the user that builds, or to the user that the run acts as if the folder of the
    program belongs to that one and the other may not write there.
    """

    package: str = "."
    """The package in the source folder: "./cmd/shop"."""

    tags: Sequence[str] = ()
    """Build tags."""

    ldflags: str | None = None
    """Flags of the linker, e.g. "-s -w -X main.version=1.2"."""

    flags: Sequence[str] = ()
    """More flags of `go build`, e.g. ["-trimpath"]."""

    toolchain: str | None = None
    """The folder of a `go_toolchain`, e.g. /opt/go/1.22.1; None: the `go` in the PATH."""

    action: Literal["build", "remove", "nothing"] = "build"

    def validate(self) -> None:
        """Check the paths, the package and the flags."""
        if self.source is None and self.action == "build":
            raise RecipeError(f"{self}: it needs a source folder")
        if self.toolchain is not None:
            absolute(self, self.toolchain)
        if self.package.startswith("-") or not self.package:
            raise RecipeError(f"{self}: {self.package!r} is no package", hint='"./cmd/shop"')
        for flag in self.flags:
            if flag == "-o" or flag.startswith("-o=") or not flag.startswith("-"):
                raise RecipeError(
                    f"{self}: {flag!r} is no flag for it", hint='["-trimpath", "-mod=vendor"]'
                )
        self.check()

    @property
    def identity(self) -> str:
        """The path of the program."""
        return self.output or self.name

    @property
    def folder(self) -> str:
        """The source folder; to remove a program, its own folder tells the user."""
        return self.source or self.identity.rpartition("/")[0] or "/"

    @property
    def outputs(self) -> Sequence[str]:
        """The program."""
        return (self.identity,)

    @property
    def bin(self) -> str | None:
        """The programs of the toolchain."""
        return None if self.toolchain is None else f"{self.toolchain}/bin"

    @property
    def tools(self) -> Sequence[str]:
        """The program go(1)."""
        return (f"{self.bin}/go" if self.bin is not None else "go",)

    @property
    def words(self) -> Sequence[str]:
        """The command, without the flag that says where the program comes."""
        tags = [f"-tags={','.join(self.tags)}"] if self.tags else []
        linker = [f"-ldflags={self.ldflags}"] if self.ldflags is not None else []
        return (self.tools[0], "build", *self.flags, *tags, *linker, self.package)


go_build = recipe_function(GoBuild)
