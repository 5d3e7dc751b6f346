"""The mechanism of repositories of rpm(8) packages: a whole file that the package tool reads."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Generic, TypeVar

from cookbook.provider import Change, Thing, tainted
from cookbook.providers.own_file import OwnFileProvider
from cookbook.providers.writing import State
from cookbook.resources._rpm_repository import RpmRepository
from cookbook.resources.file import File

T = TypeVar("T", bound=RpmRepository)


class RepositoryFileProvider(OwnFileProvider[T], Generic[T]):
    """A provider of one file with one repository."""

    lists: ClassVar[Thing]
    """The metadata that the file says where to fetch."""

    def file(self, repository: T) -> File:
        """Return the file; no backup of it is kept, because there may be secrets in it."""
        if repository.action != "create":
            return File(repository.identity, action="delete", backup=False)
        secret = repository.confidential
        return File(
            repository.identity,
            content=tainted(repository.text) if secret else repository.text,
            owner="root",
            group="root",
            mode=repository.mode or ("0600" if secret else "0644"),
            backup=False,
            verify=[],
            sensitive=secret,
        )

    def brings_anything(self, name: str) -> bool:
        """Return True: any package."""
        return True

    def takes_anything(self, name: str) -> bool:
        """Return False: what is installed stays."""
        return False

    def alters(self, repository: T, change: Change[State] | None) -> Iterable[Thing]:
        """Yield the file, and the metadata of packages."""
        return [*super().alters(repository, change), self.lists]
