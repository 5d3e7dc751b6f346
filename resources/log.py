"""Messages in the report of a run."""

from __future__ import annotations

from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import Resource, recipe_function


class Log(Resource):
    """
    A message in plans and reports: Chef's `log`. It counts as no change.

    Example::

        log("the database is moved by hand")
    """

    category: ClassVar[str] = "commands"

    message: str | None = None
    """The message, if it is not the resource's name."""

    level: Literal["info", "warn"] = "info"
    """`warn` has it begin with `warning:`."""

    action: Literal["write", "nothing"] = "write"

    def validate(self) -> None:
        """Check that there is a message."""
        if not self.text.strip():
            raise RecipeError(f"{self}: there is no message")

    @property
    def text(self) -> str:
        """The message."""
        return self.name if self.message is None else self.message


log = recipe_function(Log)
