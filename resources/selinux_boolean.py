"""Booleans in the policy of SELinux."""

from __future__ import annotations

import re
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import Resource, recipe_function


class SelinuxBoolean(Resource):
    """
    A switch of the policy of SELinux, now and after a boot.

    Where SELinux is not enabled, only the value after a boot is known, and set.
    Source: semanage-boolean(8), setsebool(8); Chef: selinux_boolean.

    Example::

        selinux_boolean("httpd_can_network_connect", value=True)
    """

    category: ClassVar[str] = "system"

    unique: ClassVar[bool] = True

    boolean: str | None = None
    """Its name in the policy, if it is not the resource's."""

    value: bool | Literal["on", "off"] = True
    """On or off."""

    persistent: bool = True
    """False: only now; a boot brings back the other value."""

    action: Literal["set", "nothing"] = "set"

    def validate(self) -> None:
        """Check the name."""
        if not re.fullmatch(r"[A-Za-z0-9_]+", self.identity):
            raise RecipeError(f"{self}: {self.identity!r} cannot be a boolean of SELinux")

    @property
    def wanted(self) -> str:
        """`on` or `off`."""
        return "on" if self.value in (True, "on") else "off"

    @property
    def identity(self) -> str:
        """The name in the policy."""
        return self.name if self.boolean is None else self.boolean


selinux_boolean = recipe_function(SelinuxBoolean)
