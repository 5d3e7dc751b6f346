"""Archives, by tar(1) and unzip(1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from cookbook.provider import Change, Probe, Thing, provides, sh
from cookbook.providers.ownership import ask_owners, missing_owners, need_folder, text_or_none
from cookbook.providers.stat import SHA256, TARGET, parse_digest
from cookbook.providers.trees import TreeProvider, TreeState, ask_tree, parse_tree
from cookbook.resources.archive_file import ArchiveFile


@provides(ArchiveFile)
class ArchiveFileProvider(TreeProvider[ArchiveFile]):
    """Archives that are extracted; the record on the host says what is in place."""

    def probe(self, archive: ArchiveFile) -> Sequence[Probe]:
        """Ask for the record, the archive, the program, the folder above and the owners."""
        _, tool = archive.form or ("", "tar")
        return [
            ask_tree(archive.identity, others=False),
            *([SHA256.about(archive.path)] if archive.path is not None else []),
            Probe(sh("command -v {} || exit 4", tool), absent=4, loose=True),
            TARGET.about(archive.identity.rpartition("/")[0] or "/", loose=True),
            *ask_owners(archive),
        ]

    def parse(self, archive: ArchiveFile, text: str, *others: str | None) -> TreeState:
        """Return the state, with the digest of the archive that is there now."""
        digest = archive.checksum
        if archive.path is not None and others[0] is not None:
            digest = parse_digest(others[0])
        return replace(parse_tree(text), extra=(), archive=archive.path, latest=digest)

    def plan(self, archive: ArchiveFile, found: TreeState | None) -> Change[TreeState]:
        """Compare the digest of the archive, and the members with the record."""
        now = found if found is not None and found.recorded else None
        if found is not None and found.folder and not archive.overwrite:
            return Change(found, found)
        latest = found.latest if found is not None else archive.checksum
        if latest is None and now is not None:
            latest = now.content  # an archive that is gone is needed only to repair
        wanted = TreeState(
            content=latest,
            options=_options(archive),
            archive=archive.path,
            form=(archive.form or ("tar",))[0],
            owner=_owner(archive),
            mode=text_or_none(archive.mode),
            strip=archive.strip_components,
            folder=True,
            latest=latest,
        )
        return Change(now, wanted)

    def contents(self, archive: ArchiveFile) -> Mapping[str, bytes]:
        """Return the source."""
        if archive.content is None or archive.checksum is None:
            return {}
        return {archive.checksum: archive.content}

    def missing(self, archive: ArchiveFile, text: str, *others: str | None) -> Iterator[Thing]:
        """Yield the archive, the program, the folder above and the owners."""
        digest, tool, above, *owners = others if archive.path is not None else ("", *others)
        if archive.path is not None and digest is None:
            yield Thing("path", archive.path)
        if tool is None:
            yield Thing("tool", (archive.form or ("", "tar"))[1])
        need_folder(archive.identity, above)
        if above is None:
            yield Thing("path", archive.identity.rpartition("/")[0])
        yield from missing_owners(archive, owners)


def _owner(archive: ArchiveFile) -> str:
    group = f":{archive.group}" if archive.group is not None else ""
    return f"{'' if archive.owner is None else archive.owner}{group}"


def _options(archive: ArchiveFile) -> str:
    mode = f" mode={archive.mode}" if archive.mode is not None else ""
    owner = f" owner={_owner(archive)}" if _owner(archive) else ""
    return f"strip_components={archive.strip_components}{owner}{mode}"
