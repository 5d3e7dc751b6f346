"""Files, by the shell's own redirection, chown(1), chmod(1), sync(1) and mv(1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from cookbook.errors import HostError
from cookbook.provider import (
    AccessPath,
    Change,
    Command,
    Content,
    Probe,
    Provider,
    Risk,
    Texts,
    Thing,
    file_is_on_it,
    provides,
    sh,
)
from cookbook.providers.checkers import checker_of
from cookbook.providers.mounts import mounts, refuse_mounts
from cookbook.providers.obstacles import OBSTACLES, TOLD, refuse_fixed, refuse_links, refuse_loops
from cookbook.providers.ownership import (
    ask_owners,
    found_owners,
    missing_owners,
    need_folder,
    text_or_none,
)
from cookbook.providers.stat import (
    READLINK,
    SHA256,
    STAT,
    TARGET,
    parse_digest,
    parse_link,
    parse_stat,
    tree_of,
)
from cookbook.providers.units import FOLDERS, units_of
from cookbook.providers.writing import (
    EMPTY,
    NEW_MODE,
    State,
    keep,
    learned,
    of_kernel,
    prepare,
    remove,
    restore,
    settle,
    steps_of,
    write,
)
from cookbook.resources.file import File

_SHOWN_BYTES = 100_001


@provides(File)
class FileProvider(Provider[File, State]):
    """Chef's file provider: old or new, never a mix."""

    essence = frozenset({"kind", "linked"})
    concurrent = True

    def probe(self, file: File) -> Sequence[Probe]:
        """
        Ask for the path, what it points to, its content, the link itself, the folder, the owners.

        Then for what is in the way: mounts where a folder would go, links of other users.
        """
        path = file.identity
        parent = path.rpartition("/")[0] or "/"
        return [
            STAT.about(path),
            TARGET.about(path),
            SHA256.about(path),
            *([READLINK.about(path)] if _means_link(file) else []),
            TARGET.about(parent, loose=True),
            *ask_owners(file),
            *([mounts(path)] if file.force_unlink else []),
            OBSTACLES.about(path),
        ]

    def parse(
        self, file: File, at: str, target: str | None, digest: str | None, *others: str | None
    ) -> State:
        """Return the state. A link stands for its target, unless it is meant itself."""
        _refuse_detours(file, others[-1])
        link: str | None = None
        if _means_link(file):
            link, *others = others  # type: ignore[assignment]  # a list will do
        stat = parse_stat(at)
        if file.force_unlink and stat.kind == "directory":
            refuse_mounts(file.identity, others[-2])
        if linked := stat.kind == "symlink":
            if link is not None:
                return State("symlink", to=parse_link(link))
            if target is None:
                return State("dangling symlink", linked=True)
            stat = parse_stat(target)
            if stat.kind != "file":
                return State(f"symlink to a {stat.kind}")
        owner, group = found_owners(file, stat, others[1:])
        content = Content(parse_digest(digest)) if digest else None
        kind = None if stat.kind == "file" else stat.kind
        return State(kind, content, stat.mode, owner, group, linked=linked)

    def watches(self, file: File) -> Sequence[Probe]:
        """All that is in a folder that would go."""
        return [tree_of(file.identity)] if file.force_unlink else []

    def plan(self, file: File, found: State | None) -> Change[State]:
        """Content and metadata; whatever else is in the way is an error, or unlinked."""
        if found is not None and not (found.regular or file.force_unlink or _may_go(file, found)):
            raise HostError(
                f"{file.identity} is a {found.kind}, not a file",
                hint="remove it first, or say force_unlink=True",
            )
        if file.action == "delete":
            kept = replace(found, backup=_backups(file)) if found is not None else None
            return Change(kept, None, note=_note(file, found))
        if file.action == "create_if_missing" and found is not None and found.regular:
            return Change(found, found)
        act = "touch" if file.action == "touch" else None
        change = Change(found, _wanted(file, found), act, _note(file, found))
        if of_kernel(file.identity) and file.atomic_update and "content" in change.fields:
            raise HostError(
                f"{file.identity} is a file of the kernel: no new file can take its place",
                hint="atomic_update=False writes into it; a setting that is to last over a reboot"
                " belongs into a file of /etc/sysctl.d or /etc/tmpfiles.d",
            )
        return change

    def commands(self, name: str, change: Change[State]) -> Iterable[Command]:
        """Write, or only set what differs, or remove."""
        found, wanted = change.found, change.wanted
        if wanted is None:
            yield remove(name, found)
        elif wanted.to is not None or wanted.tree is not None:
            yield restore(name, found, wanted)
        elif found is None or {"content", "kind"} & change.fields.keys():
            yield write(name, found, wanted)
            return
        elif change.fields:
            steps = settle(change, sh('"$p"'))
            text = sh("{}{}", prepare(name, found), steps_of(steps))
            yield replace(text, called=f"set {', '.join(change.fields)} of {name}")
        if change.act == "touch":
            yield sh("touch -- {}", name)

    def lockout_risk(self, name: str, change: Change[State], way: AccessPath) -> Risk:
        """Files of sshd(8), sudo(8), the network."""
        return "may" if file_is_on_it(name) else "no"

    def lost(self, name: str, change: Change[State]) -> str | None:
        """When it was touched before; one that was made by that goes again."""
        return super().lost(name, change) if change.found is not None else None

    def keeps(self, name: str, change: Change[State]) -> Command | None:
        """Keep the content, or the folder that is in the way."""
        return keep(name, change)

    def learned(self, change: Change[State], kept: str, _said: str) -> Change[State]:
        """When it was last modified, and where a folder is kept."""
        return learned(change, kept)

    def back(self, name: str, change: Change[State], now: State | None) -> Change[State]:
        """Return to the former file, link or folder."""
        sides = (change.found, now)
        if all(side is None or side.regular for side in sides):
            return super().back(name, change, now)
        return Change(now, change.found)

    def unobtainable(self, name: str, change: Change[State], now: State | None) -> str | None:
        """Return the reason: a device, a FIFO, a socket, or a folder too large to be kept."""
        before = change.found
        if before is None or before.regular or before.to is not None or before.tree is not None:
            return None
        return f"a {before.kind} cannot be brought back"

    def contents(self, file: File) -> Mapping[str, bytes]:
        """Return the wanted content."""
        data = file.data
        return {file.digest: data} if data is not None and file.digest else {EMPTY: b""}

    def texts(self, name: str, change: Change[State]) -> Texts | None:
        """Return the texts of the file before and after."""
        if not {"content", "kind"} & change.fields.keys():
            return None
        there = change.found is not None and change.found.content is not None
        found = sh("head -c {} -- {}", _SHOWN_BYTES, name) if there else None
        return Texts(found, change.wanted.content if change.wanted is not None else None)

    def missing(
        self,
        file: File,
        _at: str | None,
        _to: str | None,
        sha: str | None,
        *others: str | None,
    ) -> Iterator[Thing]:
        """Yield the folder above, and the owners."""
        same = sha is not None and file.digest in (None, parse_digest(sha))
        replaces = not same or file.action == "delete"
        refuse_fixed(file.identity, others[-1], replaces=replaces)
        if file.action == "delete":
            return
        parent, *rest = others[1:] if _means_link(file) else others
        owners = rest[: len(ask_owners(file))]
        _refuse_detours(file, others[-1])
        refuse_loops(file.identity, others[-1], follows=not _means_link(file))
        need_folder(file.identity, parent)
        if parent is None:
            yield Thing("path", file.identity.rpartition("/")[0])
        yield from missing_owners(file, owners)

    def brings(self, name: str, change: Change[State]) -> Iterable[Thing]:
        """Yield the path; and the unit, for a file of systemd.unit(5)."""
        if change.wanted is None:
            return []
        return [Thing("path", name), *(Thing("unit", unit) for unit in units_of(name))]

    def about(self, file: File) -> Iterable[Thing]:
        """Yield the path."""
        return [Thing("path", file.identity)]

    def alters(self, file: File, change: Change[State] | None) -> Iterable[Thing]:
        """Yield the path and the units that it defines."""
        new = change is not None and change.found is None
        units = [] if new else [Thing("unit", unit) for unit in units_of(file.identity)]
        return [Thing("tree", file.identity), *units]

    def removes(self, file: File, change: Change[State] | None) -> Iterable[Thing]:
        """Yield the path, and the unit that it describes."""
        if change is not None and change.wanted is not None:
            return []
        own = file.identity.rpartition("/")[0] in FOLDERS
        units = units_of(file.identity) if own else []
        return [Thing("tree", file.identity), *(Thing("unit", unit) for unit in units)]

    def brings_anything(self, name: str) -> bool:
        """Return True for files of apt: repositories, pins and keys may bring any package."""
        return name.startswith("/etc/apt/")


def _means_link(file: File) -> bool:
    """Return whether a symbolic link in its place is meant itself, not its target."""
    return file.action == "delete" or file.manage_symlink_source is False


def _refuse_detours(file: File, said: str | None) -> None:
    """Raise HostError for a link of another user on the way to the file, unless it is allowed."""
    if file.manage_symlink_source is not True:
        hint = f"{TOLD}; manage_symlink_source=True follows it"
        refuse_links(file.identity, said, follows=not _means_link(file), hint=hint)


def _may_go(file: File, found: State) -> bool:
    """Return whether the found file may be replaced: a deleted link, or a dangling one."""
    return found.kind == ("symlink" if file.action == "delete" else "dangling symlink")


def _backups(file: File) -> int:
    return 0 if file.sensitive else int(file.backup)


def _note(file: File, found: State | None) -> str | None:
    if found is not None and found.kind == "directory":
        return "removes the directory with all that is in it"
    if found is not None and found.linked and file.manage_symlink_source is None:
        return "it is a symbolic link; what it points to is managed"
    if found is None and file.mode is None and file.action != "delete":
        return f"its mode is not declared: {NEW_MODE} now, and not watched later"
    return None


def _wanted(file: File, found: State | None) -> State:
    fresh = found is None or not found.regular
    return State(
        kind="file" if found is not None and found.kind is not None else None,
        content=file.digest or (EMPTY if fresh else None),
        mode=str(file.mode) if file.mode is not None else (NEW_MODE if fresh else None),
        owner=text_or_none(file.owner),
        group=text_or_none(file.group),
        linked=found is not None and found.linked,
        backup=_backups(file),
        verify=_checks(file),
        atomic=file.atomic_update,
        secret=file.sensitive,
        unsynced=of_kernel(file.identity),
    )


def _checks(file: File) -> tuple[str, ...]:
    """Return what is declared; else the checker of the program that reads such a file."""
    if file.verify is None:
        checker = checker_of(file.identity)
        return (checker,) if checker is not None else ()
    return (file.verify,) if isinstance(file.verify, str) else tuple(file.verify)
