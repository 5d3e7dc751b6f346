"""
The mechanism of folders that come as a whole: their files are not known before.

A folder that is removed, or whose files are replaced, is kept in the stash of the host, where an
undo finds it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from cookbook.provider import (
    AccessPath,
    Change,
    Command,
    Content,
    Provider,
    Resource,
    Risk,
    Thing,
    file_is_on_it,
    hint,
    keep_tree,
)
from cookbook.providers.mounts import remove_tree
from cookbook.script.stash import unpack_tree


@dataclass(frozen=True, kw_only=True)
class FolderState:
    """The hints about a folder that was kept."""

    tree: Content | None = hint()
    """The digest of the kept folder."""
    unkept: bool = hint(default=False)
    """True if the folder was too large to be kept."""
    restores: bool = hint(default=False)
    """True if the kept folder is put back."""


R = TypeVar("R", bound=Resource)
S = TypeVar("S", bound=Any)
F = TypeVar("F", bound=FolderState)


def risk_of_tree(path: str) -> Risk:
    """Return the risk of changes anywhere in a folder: of the access path, or above one."""
    near = path in ("/etc", "/root", "/home") or file_is_on_it(f"{path}/x")
    return "may" if near else "no"


class FolderProvider(Provider[R, S], Generic[R, S]):
    """A provider of a folder; the identity of the resource is its path."""

    def about(self, resource: R) -> Iterable[Thing]:
        """Yield the folder with all that is in it."""
        return [Thing("tree", resource.identity)]

    def brings(self, name: str, change: Change[S]) -> Iterable[Thing]:
        """Yield the folder."""
        return [Thing("path", name)] if change.wanted is not None else []

    def brings_anything(self, name: str) -> bool:
        """Return True: the files are not known before."""
        return True

    def lockout_risk(self, name: str, change: Change[S], way: AccessPath) -> Risk:
        """Return the risk of changes anywhere in a folder: of the access path, or above one."""
        return risk_of_tree(name)


class KeptFolderProvider(Provider[R, F], Generic[R, F]):
    """A provider that keeps a folder before its files are lost."""

    def loses_files(self, change: Change[F], /) -> bool:
        """Return whether the change loses files of the folder that was found."""
        return change.wanted is None

    def kept_path(self, name: str, found: F, /) -> str:
        """Return the path of the folder."""
        return name

    def keeps(self, name: str, change: Change[F]) -> Command | None:
        """Keep a folder whose files are lost."""
        if change.found is None or not self.loses_files(change):
            return None
        return keep_tree(self.kept_path(name, change.found))

    def learned(self, change: Change[F], kept: str, _said: str) -> Change[F]:
        """Add where the folder is kept."""
        tree = kept.partition("\n")[0].strip()
        if change.found is None or not tree or not self.loses_files(change):
            return change
        content = Content(tree) if tree != "-" else None
        return replace(change, found=replace(change.found, tree=content, unkept=content is None))


def put_folder_back(name: str, found: FolderState | None, wanted: FolderState) -> Iterator[Command]:
    """Yield the commands that replace a folder by the kept one."""
    if found is not None:
        yield remove_tree(name)
    yield unpack_tree(wanted.tree, name)
