"""Upgrades of all packages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import Resource, recipe_function
from cookbook.resources._options import option_words


class AptUpgrade(Resource):
    """
    The upgrade of all packages to the versions that the package lists have.

    The plan shows each package with its versions, and what cannot come back. Held packages stay.
    The lists are taken as they are: declare `apt_update` before.

    Example::

        apt_upgrade("security", security_only=True, autoremove=True)
    """

    category: ClassVar[str] = "packages"

    mode: Literal["safe", "full"] = "safe"
    """`safe` removes no package, and installs what a new version depends on; `full` may remove
    packages."""

    security_only: bool = False
    """Only packages with a new version in a repository of security updates."""

    packages: Sequence[str] = ()
    """Only these packages, with what they depend on; empty: all."""

    autoremove: bool = False
    """Remove packages that were installed as dependencies and are not needed any more."""

    autoclean: bool = False
    """Remove downloaded archives of packages that cannot be downloaded any more."""

    overwrite_config_files: bool = False
    """Take the package's version of configuration files that were changed on the host."""

    options: str | Sequence[str] = ()
    """More options for apt-get(8), as one would write them; no shell reads them."""

    lock_timeout: int = 120
    """Seconds to wait while another process is at the packages."""

    timeout: float = 3600.0
    """Seconds the upgrade may take."""

    action: Literal["upgrade", "nothing"] = "upgrade"

    def validate(self) -> None:
        """Check the names."""
        for name in self.packages:
            if not re.fullmatch(r"[a-z0-9][a-z0-9+.-]+(:[a-z0-9-]+)?", name):
                raise RecipeError(f"{self}: {name!r} is no name of a package")
        if self.packages and self.security_only:
            raise RecipeError(f"{self}: security_only chooses packages itself")

    @property
    def words(self) -> tuple[str, ...]:
        """The options, word by word."""
        more = ("--autoremove",) if self.autoremove else ()
        return (*more, *option_words(self.options))


apt_upgrade = recipe_function(AptUpgrade)
