"""Packages of the distribution."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import Resource, opposed, recipe_function

Action = Literal["install", "upgrade", "remove", "purge", "lock", "unlock", "nothing"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]*(:[a-z0-9-]+)?")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+:~^_-]*")
_OPPOSITES = (
    {"install", "upgrade", "remove", "purge"},
    {"lock", "unlock"},
    {"lock", "remove", "purge"},
)


class Package(Resource):
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
    Complete what an earlier transaction has left half done first, and show it in the plan. This
    includes other packages; nothing is removed for it.

    Those of other packages, too; nothing is removed for it. Without it, other broken packages
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
        for name in self.names:
            if not _NAME.fullmatch(name):
                hint = 'say version="..." for a version' if "=" in name else None
                raise RecipeError(f"{self}: {name!r} is no name of a package", hint=hint)
        if not self.names or len(set(self.names)) < len(self.names):
            raise RecipeError(f"{self}: name at least one package, and each once")
        for version in filter(None, self.versions.values()):
            if not _VERSION.fullmatch(version):
                raise RecipeError(
                    f"{self}: {version!r} is no version", hint="it is compared exactly, as written"
                )
        for opposites in _OPPOSITES:
            both = [action for action in self.doing if action in opposites]
            if len(both) > 1 and set(both) != {"remove", "purge"}:
                raise RecipeError(f"{self}: {' and '.join(both)} contradict each other")
        self._check_numbers()

    def _check_numbers(self) -> None:
        if self.version is not None and not isinstance(self.version, str):
            if len(self.version) != len(self.names):
                raise RecipeError(
                    f"{self}: {len(self.version)} versions for {len(self.names)} packages",
                    hint="None stands for any version",
                )
        elif self.version is not None and len(self.names) > 1:
            raise RecipeError(f"{self}: several packages need a list of versions")
        if min(self.cache_max_age, self.lock_timeout, self.timeout) < 0:
            raise RecipeError(f"{self}: seconds cannot be negative")

    @property
    def names(self) -> tuple[str, ...]:
        """Yield the packages."""
        names = self.name if self.package_name is None else self.package_name
        return (names,) if isinstance(names, str) else tuple(names)

    @property
    def topics(self) -> Iterable[tuple[str, str]]:
        """Each of the packages; `nginx` and `nginx:amd64` may be two."""
        return [("package", name) for name in self.names]

    def contradicts(self, other: Package) -> str | None:
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
        given = self.options
        return tuple(shlex.split(given) if isinstance(given, str) else given)

    @property
    def identity(self) -> str:
        """The packages, separated by a space."""
        return " ".join(self.names)


package = recipe_function(Package)
