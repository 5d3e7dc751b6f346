"""Lines in text files."""

from __future__ import annotations

import re
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import Resource, recipe_function
from cookbook.resources._in_text import check_pattern, check_place


class Line(Resource):
    """
    One line in a text file; the rest of the file stays as it is.

    The file must exist: declare it before with `file(action="create_if_missing")` if it may not.
    For settings there is `config_value`, which knows the format of the file.

    Example::

        line("port = 8080", path="/etc/app.conf", match="port *=")
    """

    category: ClassVar[str] = "files"

    unique: ClassVar[bool] = True

    path: str = ""
    """Absolute path of the file."""

    line: str | None = None
    """The line, without its line break; None: the name of the resource."""

    match: str | None = None
    """
    A regular expression (Python's, searched in each line) that finds the line to replace. It must
    find the new line as well. The first line that it finds is replaced, and others that it finds
    are removed. With `delete`, all that it finds are removed.
    """

    after: str | None = None
    """A new line is inserted after the last line in which this expression is found; if there is
    none, that is an error. None: at the end of the file."""

    before: str | None = None
    """A new line is inserted before the first line in which this expression is found."""

    action: Literal["create", "delete", "nothing"] = "create"

    def validate(self) -> None:
        """Check the line, and that the pattern finds what it is replaced by."""
        check_place(self, self.path, self)
        check_pattern(self, "match", self.match)
        if self.text is not None and (not self.text or re.search(r"[\0\r\n]", self.text)):
            raise RecipeError(
                f"{self}: {self.text!r} is not one line", hint="for several there is `block`"
            )
        if self.match is not None and self.action == "create" and not self.finds(self.text or ""):
            raise RecipeError(
                f"{self}: match={self.match!r} does not find the line itself",
                hint="each run would find no line to replace, and insert another one",
            )

    @property
    def text(self) -> str | None:
        """The line; None to delete what `match` finds, and nothing else."""
        if self.line is None and self.match is not None and self.action == "delete":
            return None
        return self.name if self.line is None else self.line

    def finds(self, line: str) -> bool:
        """Return whether a line is the declared one, or found by `match`."""
        found = self.match is not None and re.search(self.match, line) is not None
        return (
            found
            if self.match is not None and self.action == "create"
            else (found or line == self.text)
        )

    @property
    def identity(self) -> str:
        """The file, and the name."""
        return f"{self.path}:{self.name}"


line = recipe_function(Line)
