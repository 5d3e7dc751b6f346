"""Packages of Node.js."""

from __future__ import annotations

import re
from dataclasses import field
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import SENSITIVE, Resource, holds_secret, recipe_function
from cookbook.resources.file import absolute
from cookbook.resources.npm_ci import check_registry

_PART = r"[a-z0-9_~][a-z0-9._~-]*"
_NAME = re.compile(rf"(@{_PART}/)?{_PART}", re.IGNORECASE)
_NUMBER = r"v?\d+(\.\d+){0,2}(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?"
_EXACT = re.compile(r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?")
_ONE = rf"([<>]=?|[~^=])?\s*({_NUMBER}|[\dxX*]+(\.[\dxX*]+)*)"
_RANGE = re.compile(rf"{_ONE}(\s+(-\s+)?{_ONE})*(\s*\|\|\s*{_ONE}(\s+(-\s+)?{_ONE})*)*")


class NpmPackage(Resource):
    """
    A package of Node.js with its programs, for all users or in a folder, by npm.

    What is installed is compared, with what it depends on; only `upgrade` asks the registry. The
    packages of an application are `npm_ci`.

    Example::

        npm_package("pm2", version="^5.3.0")
    """

    category: ClassVar[str] = "applications"

    unique: ClassVar[bool] = True

    package_name: str | None = None
    """The name of the package, if it is not the resource's name."""

    version: str | None = None
    """A version, "5.3.0", or a range as in package.json, "^5.3.0"; None: any. What npm calls a tag,
    such as `latest`, is no version: `upgrade` leads to the newest one."""

    prefix: str | None = None
    """The absolute path of the folder whose `lib/node_modules` and `bin` it is installed into;
    None: npm's own place for all users, on Debian /usr/local."""

    user: str | None = None
    """The user that asks and installs; None: the user that the run acts as."""

    program: str = "npm"
    """The program: a name in the PATH, or an absolute path, whose folder is the first in the PATH
    then."""

    registry: str | None = None
    """The URL of the registry; None: as npm is configured."""

    token: str | None = field(default=None, metadata=SENSITIVE)
    """The token for the registry, usually a Secret. It is in no argument, and in no file that is
    left."""

    ignore_scripts: bool = False
    """Run no script of a package."""

    timeout: float = 1800.0
    """Seconds that it may take to install."""

    action: Literal["install", "upgrade", "remove", "nothing"] = "install"
    """`upgrade` installs the newest version that fits, each time there is a newer one."""

    def validate(self) -> None:
        """Check the name, the version, the places and the registry."""
        if not _NAME.fullmatch(self.package):
            raise RecipeError(f"{self}: {self.package!r} is no name of a package")
        if self.version is not None and not _RANGE.fullmatch(self.version):
            raise RecipeError(f"{self}: {self.version!r} is no version", hint='"5.3.0", "^5.3.0"')
        if self.prefix is not None:
            absolute(self, self.prefix)
        if not re.fullmatch(r"/?[A-Za-z0-9_.+-]+(/[A-Za-z0-9_.+-]+)*", self.program):
            raise RecipeError(f"{self}: {self.program!r} is no program", hint="npm")
        check_registry(self, self.registry, self.token)
        if holds_secret(self.token):
            object.__setattr__(self, "sensitive", True)
        if self.user is not None:
            if self.become_user not in (None, self.user):
                raise RecipeError(f"{self}: user and become_user are two ways to say who runs it")
            object.__setattr__(self, "become_user", self.user)

    @property
    def package(self) -> str:
        """The name of the package."""
        return self.name if self.package_name is None else self.package_name

    @property
    def exact(self) -> str | None:
        """The version, if there is a single one."""
        return self.version if self.version and _EXACT.fullmatch(self.version) else None

    @property
    def identity(self) -> str:
        """The package, after the folder if one is declared."""
        return self.package if self.prefix is None else f"{self.prefix}:{self.package}"


npm_package = recipe_function(NpmPackage)
