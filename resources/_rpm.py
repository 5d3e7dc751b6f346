"""Properties that the types of packages in the database of rpm(8) have in common."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence
from typing import Literal, Self

from cookbook.errors import RecipeError
from cookbook.provider import Resource, opposed
from cookbook.resources._arguments import refuse_secrets

Action = Literal["install", "upgrade", "remove", "nothing"]

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]*")
_VERSION = re.compile(r"(?:[0-9]+:)?[A-Za-z0-9._+~^]+(?:-[A-Za-z0-9._+~^]+)?")
_OPPOSITES = {"install", "upgrade", "remove"}


class RpmPackage(Resource):
    """One package in the database of rpm(8), or several in one transaction."""

    package_name: str | Sequence[str] | None = None
    """The package, or packages, if it is not the resource's name; `name.arch` is possible."""

    version: str | Sequence[str | None] | None = None
    """
    The version, e.g. "1.2", or with the release, "1.2-3.el9"; of several packages one for each,
    None where any will do. What is left out, release or epoch, may be any.
    """

    options: str | Sequence[str] = ()
    """More options for the command that installs or removes; no shell reads them."""

    install_recommends: bool | None = None
    """True or False: with or without packages that are only recommended; None: as the tool is
    configured."""

    allow_downgrade: bool = True
    """Go back to `version` where a newer one is installed; False: that is an error."""

    cache_max_age: int = 86400
    """
    Seconds the metadata of the repositories may be old when something has to be installed.

    Older metadata is refreshed first, which is no change. 0: always, as Chef's `flush_cache`.
    """

    lock_timeout: int = 120
    """Seconds to wait while another process is at the packages."""

    timeout: float = 1800.0
    """Seconds the transaction may take."""

    action: Action | Sequence[Action] = "install"
    """`install` is content with whatever version is there, unless one is declared; `upgrade` wants
    the newest. rpm(8) has no purge: changed configuration files stay as `.rpmsave`."""

    def check(self) -> None:
        """Raise RecipeError for wrong names, versions, numbers and actions."""
        refuse_secrets(self, self.options)
        for name in self.names:
            if not _NAME.fullmatch(name):
                hint = 'say version="..." for a version' if "=" in name else None
                raise RecipeError(f"{self}: {name!r} is no name of a package", hint=hint)
        if not self.names or len(set(self.names)) < len(self.names):
            raise RecipeError(f"{self}: name at least one package, and each once")
        for version in filter(None, self.versions.values()):
            if not _VERSION.fullmatch(version):
                raise RecipeError(
                    f"{self}: {version!r} is no version",
                    hint='"1.2", or "1.2-3.el9"; patterns and ranges are not taken',
                )
        both = [action for action in self.doing if action in _OPPOSITES]
        if "remove" in both and len(both) > 1:
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
        """The packages."""
        names = self.name if self.package_name is None else self.package_name
        return (names,) if isinstance(names, str) else tuple(names)

    @property
    def topics(self) -> Iterable[tuple[str, str]]:
        """Each of the packages, whatever tool is told of it."""
        return [("rpm", name) for name in self.names]

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
        given = self.options
        return tuple(shlex.split(given) if isinstance(given, str) else given)

    @property
    def global_words(self) -> tuple[str, ...]:
        """Return the options that go before the command of the tool."""
        return ()

    @property
    def identity(self) -> str:
        """The packages, separated by a space."""
        return " ".join(self.names)
