"""Services, and other units, that run and are started at boot."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import Resource, opposed, recipe_function

Action = Literal[
    "enable", "disable", "start", "stop", "restart", "reload", "mask", "unmask", "nothing"
]

_SUFFIXES = (
    "service|socket|device|mount|automount|swap|target|path|timer|slice|scope"  # systemd.unit(5)
)
_UNIT = re.compile(r"[A-Za-z0-9:_.\\@-]+")
_OPPOSITES = (
    ("enable", "disable"),
    ("start", "stop"),
    ("restart", "stop"),
    ("mask", "unmask"),
    ("mask", "enable"),
    ("mask", "start"),
    ("mask", "restart"),
)


class Service(Resource):
    """
    A service: Chef's `service`.

    By default it waits to be notified. `restart` and `reload` are done whenever they
    are asked for; so they belong into notices, not into `action`.

    Example::

        service("nginx", action=["enable", "start"])
    """

    category: ClassVar[str] = "services"

    service_name: str | None = None
    """The name of the unit, if it is not the resource's; `.service` may be left out."""

    timeout: float = 900.0
    """Seconds it may take to start or to stop."""

    settle: float | None = None
    """
    Seconds it is watched after it was started: dying meanwhile is a failure.

    By default 2 for a unit that cannot say that it is ready (Type simple, exec and
    idle), and 0 for one that can. Later restarts by systemd itself (`Restart=`) are told by a
    remark, if they were within the last minute.
    """

    action: Action | Sequence[Action] = "nothing"
    """Several are possible: `["enable", "start"]`."""

    def validate(self) -> None:
        """Check the name, and that the actions do not contradict each other."""
        if not _UNIT.fullmatch(self.identity) or self.identity.startswith("-"):
            raise RecipeError(f"{self}: {self.identity!r} is no name of a unit")
        if "@." in self.identity:
            raise RecipeError(
                f"{self}: {self.identity} is a template", hint="name an instance: getty@tty1"
            )
        for one, other in _OPPOSITES:
            if {one, other} <= set(self.doing):
                raise RecipeError(f"{self}: {one} and {other} contradict each other")
        for name, seconds in (("timeout", self.timeout), ("settle", self.settle)):
            if seconds is not None and seconds < 0:
                raise RecipeError(f"{self}: {name} cannot be negative")

    def contradicts(self, other: Service) -> str | None:
        """Compare the actions: a service cannot be both started and stopped."""
        return "action" if opposed(self.doing, other.doing) else None

    @property
    def identity(self) -> str:
        """The full name of the unit."""
        name = self.service_name or self.name
        return name if re.search(rf"\.({_SUFFIXES})$", name) else f"{name}.service"


service = recipe_function(Service)
