"""Directories, by mkdir(1), chown(1), chmod(1), rmdir(1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from cookbook.errors import HostError
from cookbook.provider import Change, Probe, Provider, Thing, hint, provides
from cookbook.providers.ownership import (
    ask_owners,
    chown,
    found_owners,
    missing_owners,
    text_or_none,
)
from cookbook.providers.stat import STAT, TARGET, parse_stat
from cookbook.resources.directory import Directory
from cookbook.shell import Command, sh

_NEW_MODE = "0755"


@dataclass(frozen=True)
class State:
    """A directory."""

    mode: str | None = None
    owner: str | None = None
    group: str | None = None
    recursive: bool = hint(default=False)


@provides(Directory)
class DirectoryProvider(Provider[Directory, State]):
    """Chef's directory provider; a link to a directory is one, too."""

    def probe(self, directory: Directory) -> Sequence[Probe]:
        """The path, what it points to, the folder above, and the owners."""
        path = directory.identity
        above = path.rpartition("/")[0] or "/"
        return [
            STAT.about(path),
            TARGET.about(path),
            TARGET.about(above, loose=True),
            *ask_owners(directory),
        ]

    def parse(self, directory: Directory, _at: str, target: str | None, *_: str | None) -> State:
        """What is there; anything but a directory is in the way."""
        stat = parse_stat(target or _at)
        if stat.kind != "directory":
            what = "a dangling symbolic link" if target is None else f"a {stat.kind}"
            raise HostError(
                f"{directory.identity} is {what}, not a directory", hint="remove it first"
            )
        owner, group = found_owners(directory, stat)
        return State(stat.mode, owner, group)

    def plan(self, directory: Directory, found: State | None) -> Change[State]:
        """Mode and owners, of the directory itself."""
        if directory.action == "delete":
            if found is None:
                return Change(None, None)
            note = "with all that is in it" if directory.recursive else None
            return Change(replace(found, recursive=directory.recursive), None, note=note)
        fresh = found is None
        mode = str(directory.mode) if directory.mode is not None else (_NEW_MODE if fresh else None)
        owner, group = text_or_none(directory.owner), text_or_none(directory.group)
        return Change(found, State(mode, owner, group, directory.recursive))

    def commands(self, name: str, change: Change[State]) -> Iterable[Command]:
        """Make it, or set what differs, or remove it."""
        if change.wanted is None:
            recursive = change.found is not None and change.found.recursive
            yield sh("rm -rf -- {}", name) if recursive else sh("rmdir -- {}", name)
            return
        wanted = change.wanted
        if change.kind == "create":
            flags = sh("-p") if wanted.recursive else sh("")
            yield sh("mkdir {} -m {} -- {}", flags, wanted.mode or _NEW_MODE, name)
        fields = {f: pair[1] for f, pair in change.fields.items()}
        if "owner" in fields or "group" in fields:
            yield chown(fields.get("owner"), fields.get("group"), sh("{}", name))
        mode = wanted.mode or (change.found.mode if change.found is not None else None)
        if mode is not None and (change.kind == "update" or int(mode, 8) & 0o7000):
            yield sh("chmod {} {}", mode, name)

    def missing(
        self,
        directory: Directory,
        _at: str | None,
        _to: str | None,
        above: str | None,
        *owners: str | None,
    ) -> Iterator[Thing]:
        """The folder above, unless all of them are made, and the owners."""
        if directory.action != "delete":
            if above is None and not directory.recursive:
                yield Thing("path", directory.identity.rpartition("/")[0])
            yield from missing_owners(directory, owners)

    def brings(self, name: str, change: Change[State]) -> Iterable[Thing]:
        """The path, and with `recursive` those above."""
        if change.wanted is None:
            return []
        path = PurePosixPath(name)
        paths = [path, *path.parents] if change.wanted.recursive else [path]
        return [Thing("path", str(p)) for p in paths]
