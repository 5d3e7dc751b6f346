"""Directories, by mkdir(1), chown(1), chmod(1), rmdir(1)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import LiteralString

from cookbook.errors import HostError
from cookbook.provider import (
    AccessPath,
    Change,
    Command,
    Content,
    Probe,
    Provider,
    Risk,
    Thing,
    file_is_on_it,
    hint,
    join,
    keep_tree,
    mtime,
    provides,
    script,
    sh,
)
from cookbook.providers.mounts import mounts, refuse_mounts, remove_tree
from cookbook.providers.obstacles import OBSTACLES, refuse_fixed, refuse_links, refuse_loops
from cookbook.providers.ownership import (
    ask_owners,
    chown,
    chown_new,
    found_owners,
    missing_owners,
    need_folder,
    text_or_none,
)
from cookbook.providers.stat import STAT, TARGET, parse_stat, tree_of
from cookbook.providers.units import units_of
from cookbook.resources.directory import Directory
from cookbook.script.stash import age, unpack_tree


@dataclass(frozen=True)
class State:
    """A directory."""

    mode: str | None = None
    owner: str | None = None
    group: str | None = None
    recursive: bool = hint(default=False)
    mtime: str | None = hint()
    """When it was last modified, in seconds since the epoch; known of what was removed."""
    tree: Content | None = hint()
    """The digest of the kept folder, with all its content."""
    first: str | None = hint()
    """The uppermost of the folders that were made with it."""


@provides(Directory)
class DirectoryProvider(Provider[Directory, State]):
    """Chef's directory provider; a link to a directory is one, too."""

    concurrent = True

    def probe(self, directory: Directory) -> Sequence[Probe]:
        """Ask for the path, the target of a link, the folder above, the owners, and obstacles."""
        path = directory.identity
        above = path.rpartition("/")[0] or "/"
        return [
            STAT.about(path),
            TARGET.about(path),
            TARGET.about(above, loose=True),
            *ask_owners(directory),
            *_obstacles(directory),
            OBSTACLES.about(path),
        ]

    def parse(
        self,
        directory: Directory,
        at: str,
        target: str | None,
        _above: str | None,
        *others: str | None,
    ) -> State:
        """Return the state; anything but a directory is an obstacle, and no link is deleted."""
        _refuse_detours(directory, others[-1])
        stat = parse_stat(at)
        if stat.kind == "symlink" and directory.action != "delete":
            if target is None:
                raise _in_the_way(directory, "dangling symlink")
            stat = parse_stat(target)
        if stat.kind != "directory":
            raise _in_the_way(directory, stat.kind)
        if directory.action == "delete" and directory.recursive:
            refuse_mounts(directory.identity, _obstacle(directory, others))
        elif directory.action == "delete" and (first := _obstacle(directory, others)):
            raise HostError(
                f"{directory.identity} is not empty: there is {first} in it",
                hint="say recursive=True to delete what is in it, too",
            )
        owner, group = found_owners(directory, stat, others)
        return State(stat.mode, owner, group)

    def watches(self, directory: Directory) -> Sequence[Probe]:
        """All that is in it, where that would go, too."""
        with_all = directory.action == "delete" and directory.recursive
        return [tree_of(directory.identity)] if with_all else []

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
            with_it = _above(name, found.first) if found is not None else []
            yield remove_tree(name) if recursive else sh("rmdir -- {}", [name, *with_it])
        elif wanted.tree is not None:
            yield unpack_tree(wanted.tree, name)
        elif found is None:
            mode = sh("-m {}", _exactly(wanted.mode)) if wanted.mode is not None else sh("")
            yield sh("mkdir {} {} -- {}", sh("-p") if wanted.recursive else sh(""), mode, path)
            if owner := chown_new(wanted.owner, wanted.group, path):
                yield owner
            if wanted.mtime is not None:
                yield sh("touch -d @{} -- {}", wanted.mtime, path)
        else:
            fields = {field: pair[1] for field, pair in change.fields.items()}
            if "owner" in fields or "group" in fields:
                yield chown(fields.get("owner"), fields.get("group"), sh("{}/.", path))
            if "mode" in fields:
                yield sh("chmod {} {}", _exactly(fields["mode"]), path)

    def lockout_risk(self, name: str, change: Change[State], way: AccessPath) -> Risk:
        """Return the risk: a folder with files of the access path."""
        return "may" if file_is_on_it(f"{name}/x") or name.endswith("/.ssh") else "no"

    def keeps(self, name: str, change: Change[State]) -> Command | None:
        """All that is in it; of a new one, which of the folders above are new, too."""
        if change.found is not None and change.wanted is None:
            return keep_tree(name) if change.found.recursive else _aged(name)
        fresh = change.found is None and change.wanted is not None and change.wanted.recursive
        return sh(_FIRST, name) if fresh else None

    def learned(self, change: Change[State], kept: str, _said: str) -> Change[State]:
        """Note the digest of the kept folder, or the first folder that is new."""
        first, _, then = kept.rstrip("\n").partition("\n")
        if change.found is not None and change.wanted is None and then:
            tree = Content(first) if first != "-" else None
            return replace(change, found=replace(change.found, tree=tree, mtime=mtime(then)))
        if change.found is None and change.wanted is not None and first:
            return replace(change, wanted=replace(change.wanted, first=first))
        return change

    def back(self, name: str, change: Change[State], now: State | None) -> Change[State]:
        """One that was made is removed if it is empty, with those that were made above it."""
        before, wanted = change.found, change.wanted
        if before is None and now is not None and wanted is not None:
            # One that was unpacked is packed again; it is kept, whatever has come into it.
            recursive = wanted.tree is not None
            return Change(replace(now, recursive=recursive, first=wanted.first), None)
        if before is not None and wanted is None and now is None:
            # What was above it went with it, if it had come with it.
            return Change(None, replace(before, recursive=before.first is not None))
        return super().back(name, change, now)

    def ask_back(self, directory: Directory, change: Change[State]) -> Directory:
        """One that was removed because it was empty need not be empty once it is back."""
        emptied = directory.action == "delete" and not directory.recursive
        return replace(directory, action="create") if emptied else directory

    def tells_all(self, state: State) -> bool:
        """Not of one that was removed with all that was in it."""
        return not state.recursive

    def unobtainable(self, name: str, change: Change[State], now: State | None) -> str | None:
        """Return the reason: a folder that was too large to be kept."""
        before = change.found
        lost = change.wanted is None and before is not None and before.recursive
        return "what was in it was not kept" if lost and before and before.tree is None else None

    def preflight(self, changes: Sequence[tuple[str, Change[State]]]) -> Command | None:
        """Ask for the content of folders that are removed only if they are empty."""
        empty = [(n, c.found) for n, c in changes if c.wanted is None and c.found is not None]
        pairs = [(n, _above(n, found.first)) for n, found in empty if not found.recursive]
        return _list(pairs) if pairs else None

    def objection(self, name: str, said: str, going: Collection[Thing]) -> str | None:
        """Return the reason that something stays in it."""
        listed, _, packaged = said.partition("\0\0\0")
        inside = dict(_split(record) for record in listed.split("\0\0") if record)
        gone = {thing.name for thing in going if thing.kind == "path"}
        if any(thing.kind == "package" for thing in going):
            gone |= {line.partition(": ")[2] for line in packaged.splitlines()}
        own = {name, *(str(path) for path in PurePosixPath(name).parents)}
        others = [entry for entry in inside.get(name, ()) if entry not in gone | own]
        return f"it is not empty: {', '.join(sorted(others)[:5])}" if others else None

    def missing(
        self,
        directory: Directory,
        _at: str | None,
        _to: str | None,
        above: str | None,
        *others: str | None,
    ) -> Iterator[Thing]:
        """Yield the folder above, unless all of them are created, and the owners."""
        refuse_fixed(directory.identity, others[-1], replaces=directory.action == "delete")
        if directory.action != "delete":
            _refuse_detours(directory, others[-1])
            refuse_loops(directory.identity, others[-1], follows=True)
            owners = others[: len(ask_owners(directory))]
            if obstacle := _obstacle(directory, others):
                raise HostError(f"{obstacle} is not a directory", hint="remove it first")
            need_folder(directory.identity, above)
            if above is None and not directory.recursive:
                yield Thing("path", directory.identity.rpartition("/")[0])
            yield from missing_owners(directory, owners)

    def about(self, directory: Directory) -> Iterable[Thing]:
        """Yield the path; its content as well, if it is deleted only when empty."""
        emptied = directory.action == "delete" and not directory.recursive
        return [Thing("tree" if emptied else "path", directory.identity)]

    def alters(self, directory: Directory, change: Change[State] | None) -> Iterable[Thing]:
        """Yield the path; its content is removed with it."""
        gone = directory.action == "delete"
        units = units_of(f"{directory.identity}/x") if gone else []
        where = Thing("tree" if gone else "path", directory.identity)
        return [where, *(Thing("unit", unit) for unit in units)]

    def removes(self, directory: Directory, change: Change[State] | None) -> Iterable[Thing]:
        """Yield the path, with its content; the unit that it is a part of stays."""
        removed = super().removes(directory, change)
        return [thing for thing in removed if thing.kind != "unit"]

    def brings(self, name: str, change: Change[State]) -> Iterable[Thing]:
        """Yield the path, and with `recursive` those above."""
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
    """Ask what mkdir(1) or rmdir(1) would fail at, or what `rm -r` must not cross."""
    path = directory.identity
    if directory.action == "delete" and directory.recursive:
        yield mounts(path)
    elif directory.action == "delete" and not directory.recursive:
        inside = sh('p={}; [ ! -d "$p" ] || [ -L "$p" ] || ls -A -- "$p" | head -n 1', path)
        yield Probe(inside, loose=True)
    elif directory.action != "delete" and directory.recursive:
        yield Probe(sh(_FIRST_ABOVE, path.rpartition("/")[0]), loose=True)


def _obstacle(directory: Directory, others: Sequence[str | None]) -> str:
    """Return the obstacle in the answers, of which those about owners come first."""
    return "".join(filter(None, others[len(ask_owners(directory)) : -1])).rstrip("\n")


def _refuse_detours(directory: Directory, said: str | None) -> None:
    """Raise HostError for a link of another user on the way to the folder, or in its place."""
    refuse_links(directory.identity, said, follows=directory.action != "delete")


_LIST: LiteralString = """\
in_it() { printf '%s\\0' "$1"; find "$@" -mindepth 1 -maxdepth 1 -print0 || exit; printf '\\0'; }
"""


def _list(pairs: Sequence[tuple[str, Sequence[str]]]) -> Command:
    """
    Return the question for the content of each folder, and of those above that are removed with it.

    A record begins with the path, and has a NUL after each entry; the parts that belong to packages
    follow.
    """
    everything = [path for name, above in pairs for path in (name, *above)]
    records = [sh("in_it {}", [name, *above]) for name, above in pairs]
    packaged = sh(
        "printf '\\0'; ! command -v dpkg-query >/dev/null ||"
        " find {} -mindepth 1 -maxdepth 1 -exec dpkg-query -S {} + 2>/dev/null || :",
        everything,
        script("{}"),
    )
    return join([sh(_LIST.rstrip()), *records, packaged], "\n")


def _split(record: str) -> tuple[str, list[str]]:
    name, *entries = record.split("\0")
    return name, entries


_FIRST: LiteralString = """\
p={}; while d=${p%/*} && [ "$d" ] && [ ! -e "$d" ]; do p=$d; done; printf '%s\\n' "$p"\
"""


def _above(path: str, first: str | None) -> list[str]:
    """Return the folders above a path, from the nearest one to the first that was created."""
    if first is None or not path.startswith(f"{first}/"):
        return []
    above = [str(p) for p in PurePosixPath(path).parents]
    return above[: above.index(first) + 1]


def _aged(path: str) -> Command:
    return sh("echo -; {}", age(path))


def _exactly(mode: str) -> str:
    """Five digits: with four, GNU chmod(1) and mkdir(1) leave a directory's setgid bit as it is."""
    return f"0{mode}"


def _in_the_way(directory: Directory, kind: str) -> HostError:
    return HostError(f"{directory.identity} is a {kind}, not a directory", hint="remove it first")
