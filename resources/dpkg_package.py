"""Packages from files."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import field
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.language.recipe import find
from cookbook.provider import LARGE, Resource, holds_secret, recipe_function
from cookbook.resources._deb import NoDeb, control_of
from cookbook.resources._options import option_words

_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]+")


class DpkgPackage(Resource):
    """
    A package from a `.deb` file: Chef's `dpkg_package`.

    The file is on the host, beside the recipe, or on a server. Its version is compared with the
    installed one, so nothing is fetched or sent while they are equal. apt-get(8) installs it with
    what it depends on, of which the package lists must know; nothing is removed for it.

    Example::

        dpkg_package("app", source="/opt/app_1.2_amd64.deb")
    """

    category: ClassVar[str] = "packages"

    unique: ClassVar[bool] = True

    package_name: str | None = None
    """The name of the package; None: the name of the resource. The file must be of this package."""

    source: str | None = None
    """
    An absolute path on the host; a name in `files/` beside the recipe; or an address (http, https,
    ftp), which needs `version` and `checksum`.
    """

    version: str | None = None
    """The version in the file; None: the file is asked."""

    checksum: str | None = None
    """The SHA-256 of the file."""

    content: bytes | None = field(default=None, metadata=LARGE)
    """The file itself, instead of a source."""

    allow_downgrade: bool = False
    """Go back to the version in the file where a newer one is installed; False: an error."""

    options: str | Sequence[str] = ()
    """More options for apt-get(8), as one would write them; no shell reads them."""

    lock_timeout: int = 120
    """Seconds to wait while another process is at the packages."""

    timeout: float = 1800.0
    """Seconds the transaction may take."""

    action: Literal["install", "remove", "purge", "nothing"] = "install"

    def validate(self) -> None:
        """Check name and source; a file beside the recipe is read."""
        if not _NAME.fullmatch(self.identity):
            raise RecipeError(f"{self}: {self.identity!r} is no name of a package")
        if self.checksum is not None:
            if not re.fullmatch("[0-9a-fA-F]{64}", self.checksum):
                raise RecipeError(f"{self}: {self.checksum!r} is no SHA-256 of 64 digits")
            object.__setattr__(self, "checksum", self.checksum.lower())
        if self.version is not None and not re.fullmatch(r"[A-Za-z0-9][\w.+:~-]*", self.version):
            raise RecipeError(f"{self}: {self.version!r} is no version")
        if self.action != "install":
            return
        if self.source is not None and not self.remote and not self.source.startswith("/"):
            object.__setattr__(self, "content", find(self.source, "files").read_bytes())
            object.__setattr__(self, "source", None)
        if self.content is not None:
            self._check_content(self.content)
        self._check_source()

    def _check_source(self) -> None:
        """Raise RecipeError for a source that cannot be used."""
        if self.remote and (self.version is None or self.checksum is None):
            raise RecipeError(f"{self}: an address needs `version` and `checksum` (SHA-256)")
        if self.source is not None and not self.remote and "\n" in self.source:
            raise RecipeError(f"{self}: {self.source!r} is no path")
        if holds_secret(self.source) or re.match(r"\w+://[^/@]*@", self.source or ""):
            raise RecipeError(
                f"{self}: an address with a password can be read in the list of processes"
            )
        if self.source is None and self.content is None and self.version is None:
            raise RecipeError(f"{self}: `install` needs a source")

    def _check_content(self, data: bytes) -> None:
        """Compare a file with its checksum, and take the version from it."""
        digest = hashlib.sha256(data).hexdigest()
        if self.checksum not in (None, digest):
            raise RecipeError(f"{self}: the file has the checksum {digest}, not {self.checksum}")
        object.__setattr__(self, "checksum", digest)
        try:
            control = control_of(data)
        except NoDeb as error:
            if self.version is not None and "zstd" in str(error):
                return
            raise RecipeError(f"{self}: {error}") from None
        if control.get("Package") != self.identity:
            raise RecipeError(
                f"{self}: the file is of the package {control.get('Package')!r}",
                hint="the resource, or package_name, has the name of the package",
            )
        if self.version not in (None, control.get("Version")):
            raise RecipeError(f"{self}: the file has the version {control.get('Version')}")
        object.__setattr__(self, "version", control.get("Version"))

    @property
    def remote(self) -> bool:
        """True if the source is an address."""
        return re.match(r"(https?|ftp)://[^\s/]", self.source or "") is not None

    @property
    def words(self) -> tuple[str, ...]:
        """The options, word by word."""
        return option_words(self.options)

    @property
    def identity(self) -> str:
        """The package."""
        return self.package_name or self.name


dpkg_package = recipe_function(DpkgPackage)
