"""Reboots of the host."""

from __future__ import annotations

from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import Resource, recipe_function


class Reboot(Resource):
    """
    A reboot in the middle of a run, which connects again and goes on.

    By default it waits to be notified: `notifies=[delayed("reboot_now", "reboot[x]")]`.
    `reboot_if_required` reboots only where a package wants it: /run/reboot-required is there.

    Example::

        reboot("after updates", action="reboot_if_required")
    """

    category: ClassVar[str] = "system"

    unique: ClassVar[bool] = True

    reason: str | None = None
    """Words for the users who are logged in."""

    timeout: float = 600.0
    """Seconds after which the host has to be reachable again."""

    action: Literal["reboot_now", "reboot_if_required", "nothing"] = "nothing"

    def validate(self) -> None:
        """Check the reason and the time."""
        if self.reason is not None and any(not char.isprintable() for char in self.reason):
            raise RecipeError(f"{self}: a reason is one line of text")
        if not 10 <= self.timeout <= 7200:
            raise RecipeError(f"{self}: the timeout must be from 10 to 7200 seconds")

    @property
    def identity(self) -> str:
        """There is one host to be rebooted."""
        return "the host"


reboot = recipe_function(Reboot)
