"""Jobs in /etc/cron.d."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import octal, recipe_function
from cookbook.resources.cron import CronEntry
from cookbook.resources.file import one_action


class CronD(CronEntry):
    """
    A job in a file of its own in /etc/cron.d: Chef's `cron_d`.

    The properties are those of `cron`; the file belongs to root, with any user for the command.

    Example::

        cron_d("report", weekday="mon", hour=6, minute=0, command="/usr/local/bin/report")
    """

    category: ClassVar[str] = "services"

    unique: ClassVar[bool] = True

    namespace: ClassVar[str] = "path"

    mode: str | int = "0600"
    """Permissions of the file; cron(8) does not read one that others may write."""

    random_delay: int | None = None
    """Minutes at most by which the job is delayed at random, where cron(8) knows RANDOM_DELAY."""

    action: (
        Literal["create", "create_if_missing", "delete", "nothing"]
        | Sequence[Literal["create", "create_if_missing", "delete", "nothing"]]
    ) = "create"

    def validate(self) -> None:
        """Check also the name of the file, and the mode."""
        super().validate()
        one_action(self)
        if not re.fullmatch(r"[A-Za-z0-9_-]+", self.file_name):
            raise RecipeError(
                f"{self}: cron(8) reads no file of this name",
                hint="letters, digits, hyphens and underscores; a dot becomes a hyphen",
            )
        if self.command is None and self.action == "create_if_missing":
            raise RecipeError(f"{self}: there is no command")
        mode = octal(self.mode, str(self))
        if int(mode, 8) & 0o022:
            raise RecipeError(f"{self}: cron(8) reads no file that others may write: {mode}")
        object.__setattr__(self, "mode", mode)
        if self.random_delay is not None and self.random_delay < 0:
            raise RecipeError(f"{self}: random_delay cannot be negative")

    @property
    def file_name(self) -> str:
        """The name of the file: run-parts(8) and cron(8) allow no dot."""
        return self.name.replace(".", "-")

    @property
    def identity(self) -> str:
        """The path of the file."""
        return f"/etc/cron.d/{self.file_name}"

    @property
    def text(self) -> str:
        """The text of the file."""
        delay = [f"RANDOM_DELAY={self.random_delay}"] if self.random_delay is not None else []
        comment = [f"# {self.comment}"] if self.comment else []
        entry = f"{self.when} {self.user} {self.command}"
        return "".join(f"{line}\n" for line in [*comment, *delay, *self.variables, entry])


cron_d = recipe_function(CronD)
