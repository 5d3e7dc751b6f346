"""Packages of the distribution."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import recipe_function
from cookbook.resources._named_packages import NamedPackages

Action = Literal["install", "upgrade", "remove", "purge", "lock", "unlock", "nothing"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]*(:[a-z0-9-]+)?")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+:~^_-]*")
_OPPOSITES = (
    {"install", "upgrade", "remove", "purge"},
    {"lock", "unlock"},
    {"lock", "remove", "purge"},
)


class Package(NamedPackages):
    """
    One package, or several in one transaction: Chef's `package`.

    Adjacent packages go into one transaction, too. `install` is content with whatever
    version is there, unless one is declared; `upgrade` wants the newest.

    Example::

        package("nginx")
    """

    category: ClassVar[str] = "packages"

    counterparts: ClassVar[Mapping[str, str]] = {
        "dnf": "dnf_package",
        "yum": "dnf_package",
        "zypper": "zypper_package",
    }

    package_name: str | Sequence[str] | None = None
    """The package, or packages, if it is not the resource's name; `name:arch` is possible."""

    version: str | Sequence[str | None] | None = None
    """The exact version; of several packages one for each, None where any will do."""

    options: str | Sequence[str] = ()
    """More options for the package tool, as one would write them; no shell reads them."""

    default_release: str | None = None
    """The release to prefer, e.g. bookworm-backports."""

    install_recommends: bool | None = None
    """True or False: with or without recommended packages; None: as apt is configured."""

    overwrite_config_files: bool = False
    """Take the package's version of configuration files that were changed on the host."""

    purge: bool = False
    """True: `remove` removes the configuration files as well, as `purge` does."""

    allow_downgrade: bool = True
    """
    Go back to `version` where a newer one is installed; False: that is an error.

    By `upgrade`, go back where a pin above 1000 has apt prefer an older version; False: stay.
    """

    cache_max_age: int = 86400
    """
    Seconds the package lists may be old when something has to be installed.

    Older ones are refreshed first, which is no change.
    """

    repair: bool = False
    """
    Complete what an earlier transaction has left half done first, and show it in the plan.

    This includes other packages; nothing is removed for it. Without it, other broken packages
    are left alone.
    """

    lock_timeout: int = 120
    """Seconds to wait while another process is at the packages."""

    timeout: float = 1800.0
    """Seconds the transaction may take."""

    action: Action | Sequence[Action] = "install"
    """`lock` holds a package at its version, `unlock` lets it go."""

    def validate(self) -> None:
        """Check names, versions, and that the actions do not contradict each other."""
        if self.purge and "remove" in self.doing:
            words = ("purge" if word == "remove" else word for word in self.doing)
            object.__setattr__(self, "action", tuple(dict.fromkeys(words)))
        self.check_packages(_NAME, _VERSION, "it is compared exactly, as written")
        for opposites in _OPPOSITES:
            both = [action for action in self.doing if action in opposites]
            if len(both) > 1 and set(both) != {"remove", "purge"}:
                raise RecipeError(f"{self}: {' and '.join(both)} contradict each other")
        if min(self.cache_max_age, self.lock_timeout, self.timeout) < 0:
            raise RecipeError(f"{self}: seconds cannot be negative")

    @property
    def topics(self) -> Iterable[tuple[str, str]]:
        """Each of the packages; `nginx` and `nginx:amd64` may be two."""
        return [("package", name) for name in self.names]


package = recipe_function(Package)
