"""Files that a host fetches by itself: they are files once their content is there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import cast

from cookbook.provider import Change, Command, Content, Texts, provides
from cookbook.providers.fetched import with_fetched
from cookbook.providers.file import FileProvider
from cookbook.providers.writing import State
from cookbook.resources.file import File
from cookbook.resources.remote_file import RemoteFile


@provides(RemoteFile)
class RemoteFileProvider(FileProvider):
    """Chef's remote_file provider, with the checksum as the only measure of what is wanted."""

    def plan(self, file: File, found: State | None) -> Change[State]:
        """Compare the content by the checksum, and the metadata."""
        change, remote = super().plan(file, found), cast("RemoteFile", file)
        if change.wanted is None or change.wanted is found or remote.checksum is None:
            return change
        content = Content(remote.checksum)
        return replace(
            change, wanted=replace(change.wanted, content=content, sources=remote.addresses)
        )

    def commands(self, name: str, change: Change[State]) -> Iterable[Command]:
        """Fetch the content and write it, or only set what differs, or remove."""
        wanted = change.wanted
        for command in super().commands(name, change):
            content = wanted.content if wanted is not None else None
            fetches = {"content", "kind"} & change.fields.keys() and wanted is not None
            if fetches and wanted is not None and content is not None and wanted.sources:
                yield with_fetched(content, wanted.sources, command)
            else:
                yield command

    def contents(self, file: File) -> Mapping[str, bytes]:
        """Return nothing: no content is sent."""
        return {}

    def texts(self, name: str, change: Change[State]) -> Texts | None:
        """Return nothing: the new content is not known before it is fetched."""
        return None
