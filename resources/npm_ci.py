"""The packages of an application of Node.js."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import field
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import SENSITIVE, holds_secret, recipe_function
from cookbook.resources._locked import FromLock

Omitted = Literal["dev", "optional", "peer"]


class NpmCi(FromLock):
    """
    The packages of an application of Node.js, exactly as its package-lock.json names them, by npm.

    Each package in node_modules is compared with the lock. They are installed in another folder
    and switched, and a failure, in scripts too, leaves the former ones. Needs npm 7 or newer.

    Example::

        npm_ci("/srv/shop", omit=["dev"])
    """

    category: ClassVar[str] = "applications"

    tool: ClassVar[str] = "npm"

    omit: Omitted | Sequence[Omitted] = ()
    """Kinds of packages that are not installed."""

    ignore_scripts: bool = False
    """Run no script of a package, nor of the application. If scripts have run is not compared."""

    registry: str | None = None
    """The URL of the registry; None: as npm is configured, or as the lock says."""

    token: str | None = field(default=None, metadata=SENSITIVE)
    """The token for the registry, usually a Secret. It is in no argument, and in no file that is
    left; scripts do not see it."""

    action: Literal["install", "nothing"] = "install"

    @property
    def locks(self) -> tuple[str, ...]:
        """The lock files: npm prefers the second one."""
        return ("package-lock.json", "npm-shrinkwrap.json")

    def validate(self) -> None:
        """Check the registry and the token."""
        self.check()
        check_registry(self, self.registry, self.token)
        if holds_secret(self.token):
            object.__setattr__(self, "sensitive", True)

    @property
    def omitted(self) -> Sequence[str]:
        """The kinds that are not installed."""
        return [self.omit] if isinstance(self.omit, str) else [*(self.omit or ())]


def check_registry(resource: object, registry: str | None, token: str | None) -> None:
    """Raise RecipeError for what is no URL, and for a token without one."""
    if registry is not None and not re.fullmatch(r"https?://[^\s@\"]+", registry):
        raise RecipeError(f"{resource}: {registry!r} is no URL of a registry")
    if token is not None and registry is None:
        raise RecipeError(f"{resource}: a token needs the registry that it is for")
    if token is not None and "\n" in token:
        raise RecipeError(f"{resource}: a token is one line")


npm_ci = recipe_function(NpmCi)
