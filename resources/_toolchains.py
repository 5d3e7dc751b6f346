"""Properties that compilers and runtimes of programming languages have in common."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import field
from typing import ClassVar, Literal, Self

from cookbook.errors import RecipeError
from cookbook.language.recipe import find
from cookbook.provider import LARGE, Content, Resource, holds_secret
from cookbook.resources._archives import FORMS, form_of
from cookbook.resources.file import absolute

VERSION = re.compile(r"[0-9][A-Za-z0-9.+~_-]*")
"""Versions that can name a folder."""


class Toolchain(Resource):
    """A compiler or runtime: Debian's packages, or an archive in a folder of its own."""

    unique: ClassVar[bool] = True

    language: ClassVar[str] = ""
    """The name of the folder in /opt."""

    debian: ClassVar[Sequence[str]] = ()
    """The packages of Debian."""

    version: str | None = None
    """
    The version of the archive; it names the folder. None: the name of the resource, if there is a
    `source`. Without a source, or with "debian", Debian's packages are installed.
    """

    source: str | Sequence[str] | None = None
    """
    The archive: an address (http, https, ftp, or file for a path of the host), several ones of
    the same content, or a file beside the recipe, in `files/`. Where a login or the controller is
    needed to fetch it, declare a `remote_file` before, and its path as file:///PATH.
    """

    checksum: str | None = None
    """The SHA-256 of the archive. An address needs one."""

    path: str | None = None
    """The absolute path of its folder; None: /opt/LANGUAGE/VERSION."""

    strip_components: int = 1
    """Leading folders of each name in the archive that are left out."""

    default: bool = False
    """True: its programs have links in /usr/local/bin. Of several versions one can be the default;
    it goes before Debian's packages."""

    packages: Sequence[str] = ()
    """The packages of Debian to install instead of the usual ones."""

    install_recommends: bool | None = None
    """True or False: packages with or without recommended ones; None: as apt is configured."""

    timeout: float = 1800.0
    """Seconds that it may take to install it."""

    content: bytes | None = field(default=None, metadata=LARGE)
    """The content of a source beside the recipe; it is read."""

    action: Literal["install", "remove", "nothing"] = "install"

    def validate(self) -> None:
        """Check the version, and what it is installed from."""
        if self.is_debian:
            self._check_debian()
            return
        if self.path is None and not VERSION.fullmatch(self.number):
            raise RecipeError(
                f"{self}: {self.number!r} cannot be a version", hint='e.g. version="1.22.1"'
            )
        absolute(self, self.identity)
        if re.search(r"[:\s]", self.identity):
            raise RecipeError(f"{self}: no colon and no blank can be in {self.identity!r}")
        if self.packages or self.install_recommends is not None:
            raise RecipeError(f"{self}: it has packages of Debian or a source, not both")
        if self.strip_components < 0:
            raise RecipeError(f"{self}: strip_components cannot be {self.strip_components}")
        if self.action == "install" or self.source is not None:
            self._check_source()

    def _check_debian(self) -> None:
        if self.source is not None or self.checksum is not None or self.path is not None:
            raise RecipeError(f"{self}: packages of Debian have no source, checksum or path")
        if self.default:
            raise RecipeError(
                f"{self}: packages of Debian have no links in /usr/local/bin",
                hint="they are the default if no archive is declared as such: leave `default` out",
            )
        if self.version is None and VERSION.fullmatch(self.name):
            raise RecipeError(
                f"{self}: version {self.name} needs its archive: source and checksum",
                hint="Debian has one version in each release; for that one give it another name",
            )
        for name in self.packages:
            if not re.fullmatch(r"[a-z0-9][a-z0-9+.-]*", name):
                raise RecipeError(f"{self}: {name!r} is no name of a package")

    def _check_source(self) -> None:
        if not self.addresses and not isinstance(self.source, str):
            raise RecipeError(
                f"{self}: version {self.number} needs its archive: source and checksum",
                hint="without a version it is that of Debian's packages",
            )
        for one in self.addresses:
            if not re.fullmatch(r"(https?|ftp)://[^\s/]\S*|file:///\S+", one):
                raise RecipeError(f"{self}: {one!r} is no address")
            if holds_secret(one) or re.match(r"\w+://[^/@]*@", one):
                raise RecipeError(
                    f"{self}: an address with a password can be read in the list of processes",
                    hint="fetch it by a remote_file, and name its path: file:///PATH",
                )
        if self.form is None:
            raise RecipeError(f"{self}: the form of the archive is not known", hint=FORMS)
        if not self.addresses:
            self._read(str(self.source))
        elif self.checksum is None or not re.fullmatch("[0-9A-Fa-f]{64}", self.checksum):
            raise RecipeError(f"{self}: it needs the checksum (SHA-256) of the archive")
        if self.checksum is not None:
            object.__setattr__(self, "checksum", self.checksum.lower())

    def _read(self, source: str) -> None:
        """Read a source beside the recipe."""
        if self.content is not None:
            return
        data = find(source, "files").read_bytes()
        digest = str(Content.of(data))
        if self.checksum is not None and self.checksum.lower() != digest:
            raise RecipeError(f"{self}: {source} has the checksum {digest}, not {self.checksum}")
        object.__setattr__(self, "content", data)
        object.__setattr__(self, "checksum", digest)

    @property
    def is_debian(self) -> bool:
        """True if it is installed from packages of Debian."""
        return self.version == "debian" or (self.version is None and self.source is None)

    @property
    def number(self) -> str:
        """The version of the archive."""
        return self.name if self.version is None else self.version

    @property
    def names(self) -> tuple[str, ...]:
        """The packages of Debian."""
        return tuple(self.packages or self.debian)

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses of the archive; empty if it is beside the recipe."""
        if self.source is None:
            return ()
        all_ = (self.source,) if isinstance(self.source, str) else tuple(self.source)
        return () if len(all_) == 1 and "://" not in all_[0] else all_

    @property
    def form(self) -> tuple[str, str] | None:
        """The form of the archive, and the program that the host needs."""
        name = self.addresses[0] if self.addresses else str(self.source or "")
        return form_of(re.split(r"[?#]", name)[0])

    @property
    def options(self) -> str:
        """The options of the extraction, as the record on the host has them."""
        return f"strip_components={self.strip_components}"

    @property
    def configure_options(self) -> tuple[str, ...] | None:
        """The options of ./configure, if it is built; None if it is only extracted."""
        return None

    @property
    def identity(self) -> str:
        """The path of its folder, or the packages of Debian."""
        if self.is_debian:
            return " ".join(self.names)
        return self.path or f"/opt/{self.language}/{self.number}"

    @property
    def topics(self) -> Iterable[tuple[str, str]]:
        """Its folder; and the links in /usr/local/bin, which are of one version."""
        yield from super().topics
        if self.default:
            yield f"default {self.kind()}", f"the default {self.language}"

    def contradicts(self, other: Self) -> str | None:
        """Return the version, if both are to be the default."""
        if self.identity != other.identity:
            return "version"
        return super().contradicts(other)


class BuiltToolchain(Toolchain):
    """A runtime that can be built from its sources, too."""

    build: bool = False
    """True: the archive has sources. They are built by ./configure and make with the folder as
    prefix; declare the packages that a build needs before."""

    configure: Sequence[str] = ()
    """Options of ./configure, e.g. ["--enable-optimizations"]."""

    timeout: float = 7200.0
    """Seconds that it may take to install it."""

    def validate(self) -> None:
        """Check also the build."""
        super().validate()
        if self.configure and not self.build:
            raise RecipeError(f"{self}: options of ./configure are for build=True")
        if self.build and (self.is_debian or (self.form or ("",))[0] == "zip"):
            raise RecipeError(f"{self}: only a source in a tar archive can be built")
        if any(re.match(r"--(exec-)?prefix\b", one) for one in self.configure):
            raise RecipeError(f"{self}: the prefix is its folder: declare `path`")

    @property
    def options(self) -> str:
        """The options of the extraction and of the build."""
        if not self.build:
            return super().options
        return " ".join([super().options, "built", *self.configure])

    @property
    def configure_options(self) -> tuple[str, ...] | None:
        """The options of ./configure, if it is built."""
        return tuple(self.configure) if self.build else None
