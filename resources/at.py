"""Commands that run once, at a time."""

from __future__ import annotations

import datetime as dt
import re
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.language.resource import not_a_user
from cookbook.provider import Resource, recipe_function
from cookbook.resources._arguments import refuse_secrets


class At(Resource):
    """
    A job of at(1): a command that runs once.

    The job is known by the name of the resource, which is in it as a comment. It has a small
    environment of its own. After its time it has run, and nothing is to be done.

    Example::

        at("renumber", time="2031-05-01 03:30", command="/usr/local/bin/renumber")
    """

    category: ClassVar[str] = "services"

    unique: ClassVar[bool] = True

    command: str | None = None
    """The command, read by sh(1); several lines are possible."""

    time: str | None = None
    """When it runs, as "YYYY-MM-DD HH:MM" in the time zone of the host."""

    user: str = "root"
    """The user who runs the command."""

    action: Literal["create", "delete", "nothing"] = "create"

    def validate(self) -> None:
        """Check name, command and time."""
        if not re.fullmatch(r"[^\n\0]{1,200}", self.name):
            raise RecipeError(f"{self}: the name is one line")
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]*\$?", self.user):
            raise not_a_user(self, self.user)
        refuse_secrets(self, self.command)
        if self.action == "create" and (not (self.command or "").strip() or self.time is None):
            raise RecipeError(f"{self}: `create` needs a command and a time")
        if "\0" in (self.command or ""):
            raise RecipeError(f"{self}: a command has no NUL in it")
        try:
            dt.datetime.strptime(self.time or "2000-01-01 00:00", "%Y-%m-%d %H:%M")  # noqa: DTZ007 - the zone is the host's
        except ValueError:
            raise RecipeError(
                f"{self}: {self.time!r} is no time", hint='"YYYY-MM-DD HH:MM"; a job has one time'
            ) from None

    @property
    def script(self) -> str:
        """The command without the line breaks at its end."""
        return (self.command or "").rstrip("\n")


at = recipe_function(At)
