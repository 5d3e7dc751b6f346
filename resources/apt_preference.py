"""Pins of apt."""

from __future__ import annotations

import re
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import Resource, recipe_function

_PIN = re.compile(r"(version|release|origin) \S.*")


class AptPreference(Resource):
    """
    A pin, by which apt prefers some versions of packages: Chef's `apt_preference`.

    It is a file NAME.pref in /etc/apt/preferences.d. No package is changed by it; `upgrade` of a
    package follows it.

    Example::

        apt_preference("nginx", pin="release a=bookworm-backports", pin_priority=700)
    """

    category: ClassVar[str] = "packages"

    unique: ClassVar[bool] = True

    namespace: ClassVar[str] = "path"

    package_name: str | None = None
    """The package, if it is not the resource's name."""

    glob: str | None = None
    """A pattern, several names, or a regular expression of apt_preferences(5), instead."""

    pin: str | None = None
    """The preferred ones: "version 1.2*", "release a=stable", or "origin example.org"."""

    pin_priority: int | None = None
    """
    The priority, for `add`: over 1000 goes back to an older version, below 0 is never installed.
    """

    action: Literal["add", "remove", "nothing"] = "add"

    def validate(self) -> None:
        """Check pin, priority and package."""
        if not re.fullmatch(r"[a-z0-9*?][A-Za-z0-9.+:*?\[\]-]*", self.package_name or self.name):
            raise RecipeError(
                f"{self}: {self.package_name or self.name!r} is no name of a package",
                hint="glob= takes patterns of several packages",
            )
        if self.action == "remove":
            return
        if self.pin is None or self.pin_priority is None:
            raise RecipeError(f"{self}: `add` needs pin and pin_priority")
        if not _PIN.fullmatch(self.pin):
            raise RecipeError(
                f"{self}: {self.pin!r} is no pin",
                hint='"version 1.2*", "release a=stable", or "origin example.org"',
            )
        if self.glob is not None and not re.fullmatch(r"\S.*", self.glob):
            raise RecipeError(f"{self}: {self.glob!r} is no pattern of packages")
        if not -32768 <= self.pin_priority <= 32767 or self.pin_priority == 0:
            raise RecipeError(
                f"{self}: {self.pin_priority} is no priority",
                hint="apt_preferences(5): not 0, and not beyond 32767",
            )

    @property
    def identity(self) -> str:
        """The path of the file: apt reads no name with other characters."""
        name = self.name.replace("*", "wildcard")
        return f"/etc/apt/preferences.d/{re.sub(r'[^A-Za-z0-9_.-]', '-', name)}.pref"

    @property
    def text(self) -> str:
        """The text of the file."""
        package = self.glob or self.package_name or self.name
        return f"Package: {package}\nPin: {self.pin}\nPin-Priority: {self.pin_priority}\n"


apt_preference = recipe_function(AptPreference)
