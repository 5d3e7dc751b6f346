"""Marked blocks in text files."""

from __future__ import annotations

import re
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import Resource, recipe_function
from cookbook.resources._in_text import check_place


class Block(Resource):
    """
    Lines in a text file between two marks; the rest of the file stays as it is.

    The file must exist: declare it before with `file(action="create_if_missing")` if it may not.

    Example::

        block("proxy", path="/etc/app.conf", content="host = proxy")
    """

    category: ClassVar[str] = "files"

    unique: ClassVar[bool] = True

    path: str = ""
    """Absolute path of the file."""

    content: str | None = None
    """The lines between the marks."""

    marker: str = "# {mark} {name}"
    """The line before and after the block: `{mark}` is BEGIN or END, `{name}` the name of the
    resource. It must be a comment of the file's format."""

    after: str | None = None
    """A new block is inserted after the last line in which this expression is found; if there is
    none, that is an error. None: at the end of the file."""

    before: str | None = None
    """A new block is inserted before the first line in which this expression is found."""

    action: Literal["create", "delete", "nothing"] = "create"

    def validate(self) -> None:
        """Check the marks, and that the block does not have them inside."""
        check_place(self, self.path, self)
        if "{mark}" not in self.marker or re.search(r"[\0\r\n]", self.begin):
            raise RecipeError(
                f"{self}: {self.marker!r} cannot be a marker", hint='e.g. "// {mark} {name}"'
            )
        if (self.content is None) == (self.action == "create"):
            raise RecipeError(f"{self}: `create` needs content, `delete` must have none")
        if {self.begin, self.end} & set(self.lines):
            raise RecipeError(f"{self}: the content has a line that is one of the marks")
        if re.search(r"[\0\r]", self.content or ""):
            raise RecipeError(f"{self}: the content has a NUL or a CR; line breaks are \\n")

    @property
    def begin(self) -> str:
        """The mark before the block."""
        return self.marker.replace("{mark}", "BEGIN").replace("{name}", self.name)

    @property
    def end(self) -> str:
        """The mark after the block."""
        return self.marker.replace("{mark}", "END").replace("{name}", self.name)

    @property
    def lines(self) -> list[str]:
        """The lines of the block, without the marks."""
        text = (self.content or "").removesuffix("\n")
        return text.split("\n") if text else []

    @property
    def identity(self) -> str:
        """The file, and the name."""
        return f"{self.path}:{self.name}"


block = recipe_function(Block)
