"""The common part of types of packages, whatever tool installs them: names, versions, options."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Self

from cookbook.errors import RecipeError
from cookbook.provider import Resource, opposed
from cookbook.resources._options import option_words


class NamedPackages(Resource):
    """One package, or several in one transaction."""

    package_name: str | Sequence[str] | None = None
    """The package, or packages, if it is not the resource's name."""

    version: str | Sequence[str | None] | None = None
    """The version; of several packages one for each, None where any will do."""

    options: str | Sequence[str] = ()
    """More options for the package tool; no shell reads them."""

    def check_packages(self, name: re.Pattern[str], version: re.Pattern[str], hint: str) -> None:
        """
        Raise RecipeError for wrong names and versions, and for a wrong number of them.

        `hint` says what a version is.
        """
        for one in self.names:
            if not name.fullmatch(one):
                says = 'say version="..." for a version' if "=" in one else None
                raise RecipeError(f"{self}: {one!r} is no name of a package", hint=says)
        if not self.names or len(set(self.names)) < len(self.names):
            raise RecipeError(f"{self}: name at least one package, and each once")
        for one in filter(None, self.versions.values()):
            if not version.fullmatch(one):
                raise RecipeError(f"{self}: {one!r} is no version", hint=hint)
        if self.version is not None and not isinstance(self.version, str):
            if len(self.version) != len(self.names):
                raise RecipeError(
                    f"{self}: {len(self.version)} versions for {len(self.names)} packages",
                    hint="None stands for any version",
                )
        elif self.version is not None and len(self.names) > 1:
            raise RecipeError(f"{self}: several packages need a list of versions")

    @property
    def names(self) -> tuple[str, ...]:
        """The packages."""
        names = self.name if self.package_name is None else self.package_name
        return (names,) if isinstance(names, str) else tuple(names)

    def contradicts(self, other: Self) -> str | None:
        """Compare actions and versions; the other properties say how to install."""
        if opposed(self.doing, other.doing):
            return "action"
        theirs = other.versions
        both = [(version, theirs.get(name)) for name, version in self.versions.items()]
        return "version" if any(one and two and one != two for one, two in both) else None

    @property
    def versions(self) -> dict[str, str | None]:
        """Each package, and which version it has to have."""
        declared = self.version
        some = (declared,) if declared is None or isinstance(declared, str) else tuple(declared)
        return dict(zip(self.names, [*some, *[None] * len(self.names)], strict=False))

    @property
    def words(self) -> tuple[str, ...]:
        """The options, word by word."""
        return option_words(self.options)

    @property
    def identity(self) -> str:
        """The packages, separated by a space."""
        return " ".join(self.names)
