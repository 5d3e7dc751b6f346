"""Properties that the types of packages in the database of rpm(8) have in common."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Literal

from cookbook.errors import RecipeError
from cookbook.resources._arguments import refuse_secrets
from cookbook.resources._named_packages import NamedPackages

Action = Literal["install", "upgrade", "remove", "nothing"]

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]*")
_VERSION = re.compile(r"(?:[0-9]+:)?[A-Za-z0-9._+~^]+(?:-[A-Za-z0-9._+~^]+)?")
_OPPOSITES = {"install", "upgrade", "remove"}


class RpmPackage(NamedPackages):
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
        hint = '"1.2", or "1.2-3.el9"; patterns and ranges are not taken'
        self.check_packages(_NAME, _VERSION, hint)
        both = [action for action in self.doing if action in _OPPOSITES]
        if "remove" in both and len(both) > 1:
            raise RecipeError(f"{self}: {' and '.join(both)} contradict each other")
        if min(self.cache_max_age, self.lock_timeout, self.timeout) < 0:
            raise RecipeError(f"{self}: seconds cannot be negative")

    @property
    def topics(self) -> Iterable[tuple[str, str]]:
        """Each of the packages, whatever tool is told of it."""
        return [("rpm", name) for name in self.names]

    @property
    def global_words(self) -> tuple[str, ...]:
        """Return the options that go before the command of the tool."""
        return ()
