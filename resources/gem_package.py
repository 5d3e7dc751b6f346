"""Packages of Ruby."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import field
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import SENSITIVE, Resource, holds_secret, recipe_function
from cookbook.resources._arguments import refuse_secrets
from cookbook.resources.file import absolute

Action = Literal["install", "upgrade", "remove", "purge", "nothing"]

_NUMBER = r"[0-9]+(?:\.[0-9A-Za-z]+)*"
_CONDITION = rf"(?:=|!=|>=?|<=?|~>)\s*{_NUMBER}"
_VERSION = re.compile(rf"{_NUMBER}|{_CONDITION}(?:\s*,\s*{_CONDITION})*")


class GemPackage(Resource):
    """
    A package of Ruby: Chef's `gem_package`.

    What is installed is compared, with what it depends on; only `upgrade` asks the sources. Gems of
    an application are better in a `bundle`.

    Example::

        gem_package("rake", version="~> 13.0")
    """

    category: ClassVar[str] = "applications"

    unique: ClassVar[bool] = True

    package_name: str | None = None
    """The name of the gem, if it is not the resource's name."""

    version: str | Sequence[str] | None = None
    """A version, "2.1.0", or conditions, "~> 2.1" or ">= 2, < 3". Several are all installed, beside
    each other. None: any."""

    gem_binary: str = "gem"
    """The program: a name in the PATH, or the absolute path of the `gem` of another Ruby."""

    install_dir: str | None = None
    """The absolute path of a folder that gems are installed into and looked for in; None: that of
    the Ruby."""

    user: str | None = None
    """The user that it is installed for: in `install_dir`, or among the gems in the user's home."""

    source: str | Sequence[str] = field(default=(), metadata=SENSITIVE)
    """The URLs of indexes to ask besides rubygems.org (a Secret if there is a password in it), or
    the absolute path of one .gem file on the host; none: as gem(1) is configured."""

    clear_sources: bool = False
    """Ask only the indexes in `source`."""

    options: str | Sequence[str] = ()
    """More arguments of `gem install`, e.g. ["--", "--with-pg-config=/usr/bin/pg_config"]."""

    timeout: float = 1800.0
    """Seconds that it may take to install."""

    action: Action = "install"
    """`upgrade` installs the newest version that fits; former ones stay. `remove` and `purge`
    remove all versions, or those of `version`, also if other gems need them."""

    def validate(self) -> None:
        """Check the name, the versions, the sources and the paths."""
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", self.gem):
            raise RecipeError(f"{self}: {self.gem!r} is no name of a gem")
        for version in self.versions:
            if not _VERSION.fullmatch(version):
                raise RecipeError(f"{self}: {version!r} is no version", hint='"2.1.0", "~> 2.1"')
        if self.action == "upgrade" and len(self.versions) > 1:
            raise RecipeError(f"{self}: `upgrade` leads to one version")
        if not re.fullmatch(r"/?[A-Za-z0-9_.+-]+(/[A-Za-z0-9_.+-]+)*", self.gem_binary):
            raise RecipeError(f"{self}: {self.gem_binary!r} is no program", hint="gem3.1")
        if self.install_dir is not None:
            absolute(self, self.install_dir)
        self._check_sources()
        refuse_secrets(self, *self.arguments, hint="a password belongs into `source`")
        if self.user is not None:
            if self.become_user not in (None, self.user):
                raise RecipeError(f"{self}: user and become_user are two ways to say who runs it")
            object.__setattr__(self, "become_user", self.user)

    def _check_sources(self) -> None:
        for url in self.sources:
            if url.endswith(".gem") and url.startswith("/"):
                absolute(self, url)
            elif not re.fullmatch(r"(https?|file)://\S+", url):
                raise RecipeError(f"{self}: that is no URL of an index", hint="https://HOST/")
        if self.file is not None and (len(self.sources) > 1 or self.action == "upgrade"):
            raise RecipeError(f"{self}: a file is its only source, and has one version")
        if self.clear_sources and (not self.sources or self.file is not None):
            raise RecipeError(f"{self}: clear_sources needs the URL of a source")
        if holds_secret(self.sources):
            object.__setattr__(self, "sensitive", True)

    @property
    def gem(self) -> str:
        """The name of the gem."""
        return self.name if self.package_name is None else self.package_name

    @property
    def versions(self) -> Sequence[str]:
        """The versions, or conditions."""
        one = self.version
        return [one] if isinstance(one, str) else [*(one or ())]

    @property
    def sources(self) -> Sequence[str]:
        """The URLs, or the path."""
        return [self.source] if isinstance(self.source, str) else [*(self.source or ())]

    @property
    def file(self) -> str | None:
        """The path of the .gem file; None without one."""
        files = [one for one in self.sources if one.startswith("/")]
        return files[0] if files else None

    @property
    def arguments(self) -> Sequence[str]:
        """The options as words."""
        given = self.options
        return shlex.split(given) if isinstance(given, str) else [*(given or ())]

    @property
    def identity(self) -> str:
        """The gem, after the folder, user or program if these are declared."""
        program = self.gem_binary if self.gem_binary != "gem" else ""
        where = [one for one in (program, self.user, self.install_dir) if one]
        return ":".join([*where, self.gem])


gem_package = recipe_function(GemPackage)
