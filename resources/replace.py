"""Replacements in text files."""

from __future__ import annotations

import re
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import Resource, recipe_function
from cookbook.resources._in_text import check_pattern
from cookbook.resources.file import absolute


class Replace(Resource):
    """
    The replacement of all matches of a regular expression in a text file.

    After it, a second replacement must change nothing. Where one line is meant, use `line`; for
    settings there is `config_value`.

    Example::

        replace("port", path="/etc/app.conf", pattern="port=80$", replacement="port=8080")
    """

    category: ClassVar[str] = "files"

    unique: ClassVar[bool] = True

    path: str = ""
    """Absolute path of the file."""

    pattern: str = ""
    r"""A regular expression of Python; `^` and `$` match at each line, `(?s)` has `.` match a line
    break."""

    replacement: str = ""
    r"""The text instead of each match; `\1` and `\g<name>` stand for groups of the pattern."""

    action: Literal["replace", "nothing"] = "replace"

    def validate(self) -> None:
        """Check the pattern, and that it does not match its own replacement again and again."""
        if not self.path or not self.pattern:
            raise RecipeError(f"{self}: it needs a path and a pattern")
        absolute(self, self.path)
        check_pattern(self, "pattern", self.pattern)
        try:
            once = self.replaced(self.replacement)
        except (re.error, IndexError) as error:
            raise RecipeError(f"{self}: {self.replacement!r} cannot replace: {error}") from None
        # With groups, what a replacement is depends on the text: then the plan looks at it.
        if "\\" not in self.replacement and once != self.replacement:
            raise RecipeError(
                f"{self}: the pattern matches its own replacement: {self.replacement!r} would"
                f" become {once!r} in the next run",
                hint="narrow the pattern, e.g. by ^ and $",
            )

    def replaced(self, text: str) -> str:
        """Return a text with all matches replaced."""
        return re.sub(self.pattern, self.replacement, text, flags=re.MULTILINE)

    @property
    def identity(self) -> str:
        """The file, and the name."""
        return f"{self.path}:{self.name}"


replace = recipe_function(Replace)
