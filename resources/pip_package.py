"""Packages of Python in a virtual environment."""

from __future__ import annotations

import re
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import recipe_function
from cookbook.resources._pip import NAME, InVenv, canonical

_ONE = r"(?:===?|~=|!=|<=?|>=?)\s*[A-Za-z0-9.*+!_-]+"
_VERSION = rf"[A-Za-z0-9.+!_-]+|{_ONE}(\s*,\s*{_ONE})*"


class PipPackage(InVenv):
    """
    A package of Python in a virtual environment, with what it depends on.

    What is installed is compared, by the metadata in the environment; nothing is downloaded for
    that. Only `upgrade` asks the index.

    Example::

        pip_package("gunicorn", version=">=20,<22", venv="/srv/shop/venv")
    """

    category: ClassVar[str] = "applications"

    unique: ClassVar[bool] = True

    package_name: str | None = None
    """The name of the package, with extras if wanted: "uvicorn[standard]"; None: the resource's."""

    version: str | None = None
    """A version, "2.1.0", or conditions, ">=2,<3"; None: any."""

    action: Literal["install", "upgrade", "remove", "nothing"] = "install"
    """`upgrade` installs the newest version that fits, each time there is a newer one."""

    def validate(self) -> None:
        """Check the name and the version."""
        if not re.fullmatch(rf"{NAME.pattern}(\[[A-Za-z0-9._,-]+\])?", self.package):
            raise RecipeError(f"{self}: {self.package!r} is no name of a package")
        if self.version is not None and not re.fullmatch(_VERSION, self.version):
            raise RecipeError(f"{self}: {self.version!r} is no version", hint='"2.1.0", ">=2,<3"')
        self.check()

    @property
    def package(self) -> str:
        """The name of the package, with its extras."""
        return self.name if self.package_name is None else self.package_name

    @property
    def exact(self) -> str | None:
        """The version, if there is a single one."""
        wanted = re.fullmatch(r"(?:==\s*)?([A-Za-z0-9.+!_-]+)", self.version or "")
        return wanted[1] if wanted is not None else None

    @property
    def requirement(self) -> str:
        """The package as pip is told of it."""
        conditions = f"=={self.exact}" if self.exact is not None else (self.version or "")
        return self.package + "".join(conditions.split())

    @property
    def identity(self) -> str:
        """The environment and the package."""
        return f"{self.venv}:{canonical(self.package.partition('[')[0])}"


pip_package = recipe_function(PipPackage)
