"""Commands, where no other word says what is meant."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.language.file_mode import mask
from cookbook.provider import SENSITIVE, Resource, recipe_function
from cookbook.resources.file import absolute, one_action

Action = Literal["run", "nothing"]


class Execute(Resource):
    """
    A command that is run: Chef's `execute`.

    It has no state to compare, so it runs each time unless `creates` or a guard
    says that it need not. It is reported as *ran*, and cannot be undone.

    Example::

        execute("migrate", command="/srv/app/migrate", creates="/srv/app/.migrated")
    """

    category: ClassVar[str] = "commands"

    command: str | Sequence[str] | None = field(default=None, metadata=SENSITIVE)
    """Shell text, or a list of words that no shell looks at. By default the name."""

    creates: str | None = None
    """A path; where it exists, nothing is run. It has to be there afterwards."""

    cwd: str | None = None
    """The working folder."""

    environment: Mapping[str, str] = field(default_factory=dict, metadata=SENSITIVE)
    """Variables it sees, besides those of its user (docs/hosts.md) and the C locale."""

    user: str | int | None = None
    """The user that runs it, by name or by number."""

    group: str | int | None = None
    """With which primary group it is run, by name or by number."""

    login: bool = False
    """Run it in a login shell: sh(1), with its user's profile."""

    umask: str | int | None = None
    """Its file mode creation mask, e.g. "0077"."""

    input: str | bytes | None = field(default=None, metadata=SENSITIVE)
    """The content of its standard input."""

    timeout: float = 3600.0
    """Seconds it may take."""

    returns: int | Sequence[int] = 0
    """The exit statuses that mean success."""

    action: Action | Sequence[Action] = "run"

    def validate(self) -> None:
        """Check paths, the umask, statuses, and names of variables."""
        one_action(self)
        for path in filter(None, (self.creates, self.cwd)):
            absolute(self, path)
        for name in self.environment:
            if not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", name):
                raise RecipeError(f"{self}: {name!r} cannot be the name of a variable")
        if self.group is not None and self.user is None:
            raise RecipeError(f"{self}: a group needs a user")
        if self.user is not None and self.become_user:
            raise RecipeError(f"{self}: user and become_user are two ways to say who runs it")
        if self.umask is not None:
            object.__setattr__(self, "umask", mask(self.umask, str(self)))
        if not self.successes or not {*self.successes} <= {*range(256)}:
            raise RecipeError(f"{self}: returns must be exit statuses, from 0 to 255")
        if self.command is not None and not self.command:
            raise RecipeError(f"{self}: the command is empty")

    @property
    def successes(self) -> tuple[int, ...]:
        """The exit statuses that mean success."""
        return (self.returns,) if isinstance(self.returns, int) else tuple(self.returns)


execute = recipe_function(Execute)
