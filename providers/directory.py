"""Directories, by mkdir(1), chown(1), chmod(1), rmdir(1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import LiteralString

from cookbook.errors import HostError
from cookbook.provider import Change, Probe, Provider, Thing, hint, provides
from cookbook.providers.ownership import (
    ask_owners,
    chown,
    chown_new,
    found_owners,
    missing_owners,
    need_folder,
    text_or_none,
)
from cookbook.providers.stat import STAT, TARGET, parse_stat
from cookbook.resources.directory import Directory
from cookbook.shell import Command, sh


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
        """The path, what it points to, the folder above, the owners, and what is in the way."""
        path = directory.identity
        above = path.rpartition("/")[0] or "/"
        return [
            STAT.about(path),
            TARGET.about(path),
            TARGET.about(above, loose=True),
            *ask_owners(directory),
            *_obstacles(directory),
        ]

    def parse(
        self,
        directory: Directory,
        at: str,
        target: str | None,
        _above: str | None,
        *others: str | None,
    ) -> State:
        """What is there; anything but a directory is in the way, and no link is deleted."""
        stat = parse_stat(at)
        if stat.kind == "symlink" and directory.action != "delete":
            if target is None:
                raise _in_the_way(directory, "dangling symlink")
            stat = parse_stat(target)
        if stat.kind != "directory":
            raise _in_the_way(directory, stat.kind)
        if directory.action == "delete" and (first := _obstacle(directory, others)):
            raise HostError(
                f"{directory.identity} is not empty: there is {first} in it",
                hint="say recursive=True to delete what is in it, too",
            )
        owner, group = found_owners(directory, stat, others)
        return State(stat.mode, owner, group)

    def plan(self, directory: Directory, found: State | None) -> Change[State]:
        """Mode and owners, of the directory itself."""
        if directory.action == "delete":
            if found is None:
                return Change(None, None)
            note = "with all that is in it" if directory.recursive else "only if it is empty"
            return Change(replace(found, recursive=directory.recursive), None, note=note)
        mode = text_or_none(directory.mode)
        owner, group = text_or_none(directory.owner), text_or_none(directory.group)
        return Change(found, State(mode, owner, group, directory.recursive))

    def commands(self, name: str, change: Change[State]) -> Iterable[Command]:
        """Make it, or set what differs, or remove it."""
        found, wanted = change.found, change.wanted
        path = sh("{}", name)
        if wanted is None:
            recursive = found is not None and found.recursive
            yield sh("rm -rf -- {}", path) if recursive else sh("rmdir -- {}", path)
        elif found is None:
            mode = sh("-m {}", _exactly(wanted.mode)) if wanted.mode is not None else sh("")
            yield sh("mkdir {} {} -- {}", sh("-p") if wanted.recursive else sh(""), mode, path)
            if owner := chown_new(wanted.owner, wanted.group, path):
                yield owner
        else:
            fields = {field: pair[1] for field, pair in change.fields.items()}
            if "owner" in fields or "group" in fields:
                yield chown(fields.get("owner"), fields.get("group"), sh("{}/.", path))
            if "mode" in fields:
                yield sh("chmod {} {}", _exactly(fields["mode"]), path)

    def missing(
        self,
        directory: Directory,
        _at: str | None,
        _to: str | None,
        above: str | None,
        *others: str | None,
    ) -> Iterator[Thing]:
        """The folder above, unless all of them are made, and the owners."""
        if directory.action != "delete":
            owners = others[: len(ask_owners(directory))]
            if obstacle := _obstacle(directory, others):
                raise HostError(f"{obstacle} is not a directory", hint="remove it first")
            need_folder(directory.identity, above)
            if above is None and not directory.recursive:
                yield Thing("path", directory.identity.rpartition("/")[0])
            yield from missing_owners(directory, owners)

    def about(self, directory: Directory) -> Iterable[Thing]:
        """The path; whether there is something in it where it is deleted only if it is empty."""
        emptied = directory.action == "delete" and not directory.recursive
        return [Thing("tree" if emptied else "path", directory.identity)]

    def alters(self, directory: Directory, change: Change[State] | None) -> Iterable[Thing]:
        """The path; what is in it goes with it."""
        gone = directory.action == "delete"
        return [Thing("tree" if gone else "path", directory.identity)]

    def brings(self, name: str, change: Change[State]) -> Iterable[Thing]:
        """The path, and with `recursive` those above."""
        if change.wanted is None:
            return []
        path = PurePosixPath(name)
        paths = [path, *path.parents] if change.wanted.recursive else [path]
        return [Thing("path", str(p)) for p in paths]


_FIRST_ABOVE: LiteralString = (
    'd={}; while [ "$d" ] && [ ! -e "$d" ] && [ ! -L "$d" ]; do d=${d%/*}; done;'
    ' [ -d "${d:-/}" ] || echo "$d"'
)
"""The nearest path above that is there, unless it is a folder."""


def _obstacles(directory: Directory) -> Iterator[Probe]:
    """What mkdir(1) or rmdir(1) would stumble over; asked only to tell the truth in a plan."""
    path = directory.identity
    if directory.action == "delete" and not directory.recursive:
        inside = sh('p={}; [ ! -d "$p" ] || [ -L "$p" ] || ls -A -- "$p" | head -n 1', path)
        yield Probe(inside, loose=True)
    elif directory.action != "delete" and directory.recursive:
        yield Probe(sh(_FIRST_ABOVE, path.rpartition("/")[0]), loose=True)


def _obstacle(directory: Directory, others: Sequence[str | None]) -> str:
    """What the answers, of which those about owners come first, say is in the way."""
    return "".join(filter(None, others[len(ask_owners(directory)) :])).rstrip("\n")


def _exactly(mode: str) -> str:
    """Five digits: with four, GNU chmod(1) and mkdir(1) leave a directory's setgid bit as it is."""
    return f"0{mode}"


def _in_the_way(directory: Directory, kind: str) -> HostError:
    return HostError(f"{directory.identity} is a {kind}, not a directory", hint="remove it first")
