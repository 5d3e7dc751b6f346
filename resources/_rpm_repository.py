"""Properties that the files of repositories of dnf and of zypper have in common: yum.conf(5)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import SENSITIVE, Resource, holds_secret

OptionValue = str | int | float | bool
KeyValue = OptionValue | Sequence[str] | None

_URL = re.compile(r"(?:https?|ftp|file|dir|media)://\S+|(?:file|dir|cd|dvd|hd|iso|nfs|smb):\S*")


class RpmRepository(Resource):
    """A repository of packages of rpm(8), as one file with one section."""

    folder: ClassVar[str]
    own: ClassVar[Mapping[str, str]]
    """The properties that are keys of the file -> the key."""

    repositoryid: str | None = None
    """The id of the repository, which is the name of its file as well; None: the resource's."""

    description: str | None = None
    """The name that is shown; None: the id."""

    baseurl: str | Sequence[str] = field(default=(), metadata=SENSITIVE)
    """The address of the folder with `repodata`; of several, each is tried."""

    mirrorlist: str | None = field(default=None, metadata=SENSITIVE)
    """The address of a list of mirrors."""

    enabled: bool = True
    """False: the repository is known, and not used."""

    gpgcheck: bool = True
    """Packages must have a signature of a key that the host knows."""

    repo_gpgcheck: bool | None = None
    """The metadata must have one, too; None: as the tool is configured."""

    gpgkey: str | Sequence[str] = ()
    """The addresses of the keys, https: or file:, that may sign."""

    priority: int | None = None
    """From 1 to 99: the repository with the lowest number wins."""

    options: Mapping[str, OptionValue] = field(default_factory=dict)
    """More keys of the section, for which there is no property."""

    mode: str | None = None
    """The mode of the file; None: 0644, and 0600 if there is a secret in it."""

    action: Literal["create", "remove", "nothing"] = "create"

    def check(self) -> None:
        """Raise RecipeError for a wrong id, address, key or value."""
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.:-]*", self.id) or self.id == "main":
            raise RecipeError(
                f"{self}: {self.id!r} is no id of a repository",
                hint="letters, digits, and any of -_.:",
            )
        if self.action != "create":
            return
        if not self.sources:
            raise RecipeError(f"{self}: `create` needs a baseurl, or a list of mirrors")
        for url in (*self.sources, *several(self.gpgkey)):
            if not _URL.fullmatch(url):
                raise RecipeError(
                    f"{self}: that is no address", hint="https://, http:// or file://"
                )
        for url in several(self.gpgkey):
            if url.startswith(("http:", "ftp:")):
                raise RecipeError(
                    f"{self}: a key that comes without encryption may be replaced on its way",
                    hint="https://, or a file on the host: file:///etc/pki/...",
                )
        if self.priority is not None and not 1 <= self.priority <= 99:
            raise RecipeError(f"{self}: priority={self.priority} is not from 1 to 99")
        self._check_options()
        if self.confidential:
            object.__setattr__(self, "sensitive", True)

    def _check_options(self) -> None:
        for name in self.options:
            if name in {*self.own.values(), "name"}:
                raise RecipeError(f"{self}: {name} is a property of its own, no option")
            if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
                raise RecipeError(f"{self}: {name!r} is no key of a repository")
        for name, value in self.entries:
            if any("\n" in str(one) for one in _listed(value)):
                raise RecipeError(f"{self}: {name} has a line break, which would be another key")

    @property
    def id(self) -> str:
        """The id."""
        return self.name if self.repositoryid is None else self.repositoryid

    @property
    def sources(self) -> Sequence[str]:
        """The addresses of the repository, and of lists of mirrors."""
        return [*several(self.baseurl), *several(self.mirrorlist)]

    @property
    def confidential(self) -> bool:
        """True if there is a secret in the file."""
        return any(holds_secret(value) for _, value in self.entries)

    @property
    def entries(self) -> Iterable[tuple[str, KeyValue]]:
        """The keys of the section, with those that have no value."""
        yield "name", self.id if self.description is None else self.description
        for name, key in self.own.items():
            yield key, getattr(self, name)
        yield from self.options.items()

    @property
    def text(self) -> str:
        """The text of the file."""
        lines = [f"[{self.id}]"]
        for key, value in self.entries:
            some = [str(int(v)) if isinstance(v, bool) else str(v) for v in _listed(value)]
            if some:
                lines.append(f"{key}=" + "\n    ".join(some))
        return "".join(f"{line}\n" for line in lines)

    @property
    def identity(self) -> str:
        """The path of the file."""
        return f"{self.folder}/{self.id}.repo"


def several(value: str | Sequence[str] | None) -> Sequence[str]:
    """Return the words of a property that is one text, or several, or None."""
    if value is None:
        return []
    return [value] if isinstance(value, str) else [*value]


def _listed(value: KeyValue) -> Sequence[OptionValue]:
    if value is None:
        return []
    return [value] if isinstance(value, str | int | float) else [*value]
