"""Conditions on a host that a recipe waits for."""

from __future__ import annotations

import re
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import Resource, recipe_function
from cookbook.resources._arguments import refuse_secrets
from cookbook.resources.file import absolute


class WaitFor(Resource):
    """
    A condition that must hold before the recipe goes on: a port, a file, a text in it, a unit.

    It is looked at from the host. If it holds, nothing is done; if not, the run waits until it
    does, and fails at the deadline.

    Example::

        wait_for("database", port=5432, timeout=120)
    """

    category: ClassVar[str] = "commands"

    port: int | None = None
    """A TCP port that is listened on; with `host`, one that takes connections there."""

    host: str | None = None
    """Another host, or an address of this one; None: any address of the host itself."""

    path: str | None = None
    """A file, or a folder, that exists."""

    text: str | None = None
    """A text that a line of the file `path` contains, literally."""

    unit: str | None = None
    """A unit of systemd that is active."""

    absent: bool = False
    """Wait for the contrary: a free port, no such file or text, a unit that is not active."""

    timeout: float = 60.0
    """Seconds to wait."""

    interval: float = 1.0
    """Seconds between two tries."""

    action: Literal["wait", "nothing"] = "wait"

    def validate(self) -> None:
        """Check that there is one condition, and that it can be."""
        refuse_secrets(self, self.text)
        given = [one for one in (self.port, self.path, self.unit) if one is not None]
        if len(given) != 1:
            raise RecipeError(f"{self}: one of port, path and unit is needed")
        if self.port is not None and not 0 < self.port < 65536:
            raise RecipeError(f"{self}: {self.port} is no port")
        if self.host is not None and (
            self.port is None or not re.fullmatch("[A-Za-z0-9_.:-]+", self.host)
        ):
            raise RecipeError(f"{self}: host is a name or an address, and needs a port")
        if self.path is not None:
            absolute(self, self.path)
        if self.text is not None and (self.path is None or not self.text or "\n" in self.text):
            raise RecipeError(f"{self}: text is a part of one line of the file `path`")
        if self.unit is not None and not re.fullmatch(r"[A-Za-z0-9:_.@\\-]+", self.unit):
            raise RecipeError(f"{self}: {self.unit!r} is no unit")
        if self.timeout < 0 or self.interval <= 0:
            raise RecipeError(f"{self}: seconds cannot be negative, nor the interval 0")


wait_for = recipe_function(WaitFor)
