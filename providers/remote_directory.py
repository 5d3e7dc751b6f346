"""Trees of the cookbook, sent as one archive."""

from __future__ import annotations

import functools
import io
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from cookbook.provider import Change, Probe, Thing, provides
from cookbook.providers.ownership import ask_owners, missing_owners, need_folder
from cookbook.providers.stat import TARGET
from cookbook.providers.trees import TreeProvider, TreeState, ask_tree, parse_tree
from cookbook.resources.remote_directory import RemoteDirectory


@provides(RemoteDirectory)
class RemoteDirectoryProvider(TreeProvider[RemoteDirectory]):
    """Trees of the cookbook; the record on the host says what is in place."""

    def probe(self, directory: RemoteDirectory) -> Sequence[Probe]:
        """Ask for the record and other files, the folder above and the owners."""
        return [
            ask_tree(directory.identity, others=directory.purge),
            TARGET.about(directory.identity.rpartition("/")[0] or "/", loose=True),
            *ask_owners(directory),
            *ask_owners(_files(directory)),
        ]

    def parse(self, directory: RemoteDirectory, text: str, *_: str | None) -> TreeState:
        """Return the state; files of the source are no others."""
        found = parse_tree(text)
        if directory.content is None:  # it is to be removed, and the others stay
            return replace(found, extra=())
        own = _members(directory.content)
        return replace(found, extra=tuple(one for one in found.extra or () if one not in own))

    def plan(self, directory: RemoteDirectory, found: TreeState | None) -> Change[TreeState]:
        """Compare the digest of the archive, the files with the record, and look for others."""
        now = found if found is not None and found.recorded else None
        if directory.action == "delete":
            return Change(replace(now, extra=()) if now is not None else None, None)
        wanted = TreeState(
            content=directory.checksum,
            options=f"purge={directory.purge}",
            form="tree",
            folder=True,
        )
        removed = (found.extra or ()) if found is not None and now is None else ()
        note = f"removes {', '.join(removed)}" if removed else None
        return Change(now, replace(wanted, gone=removed), note=note)

    def contents(self, directory: RemoteDirectory) -> Mapping[str, bytes]:
        """Return the archive."""
        if directory.content is None or directory.checksum is None:
            return {}
        return {directory.checksum: directory.content}

    def missing(
        self, directory: RemoteDirectory, text: str, above: str | None, *owners: str | None
    ) -> Iterator[Thing]:
        """Yield the folder above and the owners."""
        if directory.action == "delete":
            return
        need_folder(directory.identity, above)
        if above is None:
            yield Thing("path", directory.identity.rpartition("/")[0])
        count = len(ask_owners(directory))
        yield from missing_owners(directory, owners[:count])
        yield from missing_owners(_files(directory), owners[count:])


@dataclass(frozen=True)
class _Files:
    """Owner and group of the files."""

    owner: str | int | None
    group: str | int | None


@functools.lru_cache(maxsize=4)
def _members(archive: bytes) -> frozenset[str]:
    """Return the names in an archive; all hosts share those of one."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as members:
        return frozenset(members.getnames())


def _files(directory: RemoteDirectory) -> _Files:
    return _Files(directory.files_owner, directory.files_group)
