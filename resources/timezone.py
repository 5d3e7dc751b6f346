"""The time zone of the host."""

from __future__ import annotations

import re
from typing import ClassVar, Literal, Self

from cookbook.errors import RecipeError
from cookbook.provider import Resource, recipe_function


class Timezone(Resource):
    """
    The time zone of the host. Programs that run see it when they are started again.

    Its description comes with the package tzdata.

    Example::

        timezone("Europe/Berlin")
    """

    category: ClassVar[str] = "system"

    unique: ClassVar[bool] = True

    timezone: str | None = None
    """The zone, e.g. Europe/Berlin; None: the name of the resource."""

    action: Literal["set", "nothing"] = "set"

    def validate(self) -> None:
        """Check the zone."""
        if not re.fullmatch(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*", self.zone):
            raise RecipeError(f"{self}: {self.zone!r} is no time zone", hint="like Europe/Berlin")

    @property
    def zone(self) -> str:
        """The wanted zone."""
        return self.name if self.timezone is None else self.timezone

    @property
    def identity(self) -> str:
        """There is one time zone of a host."""
        return "the host"

    def contradicts(self, other: Self) -> str | None:
        """Return the property in which two declarations differ."""
        return "timezone" if self.zone != other.zone else None


timezone = recipe_function(Timezone)
