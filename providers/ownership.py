"""Owner, group and the folder above, which files, directories and links have in common."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cookbook.errors import HostError
from cookbook.provider import Command, Probe, Table, Thing, join, sh
from cookbook.providers.getent import GROUP, PASSWD
from cookbook.providers.stat import Stat, parse_stat
from cookbook.resources.file import Owned


def ask_owners(resource: Owned) -> list[Probe]:
    """Return the probes for the future owner and group; numbers need none."""
    pairs = ((PASSWD, resource.owner), (GROUP, resource.group))
    return [
        table.about(who, loose=True)
        for table, who in pairs
        if isinstance(who, str) and not (who.isascii() and who.isdigit())
    ]


def missing_owners(resource: Owned, answers: Sequence[str | None]) -> Iterator[Thing]:
    """Yield the owner or group that does not exist, by the answers to `ask_owners`."""
    for probe, answer in zip(ask_owners(resource), answers, strict=True):
        if answer is None:
            yield Thing("user" if probe.table is PASSWD else "group", probe.key)


def need_folder(path: str, above: str | None) -> None:
    """Raise HostError if what `TARGET` says of the folder above a path is no folder."""
    if above is not None and (kind := parse_stat(above).kind) != "directory":
        raise HostError(f"{path.rpartition('/')[0]} is a {kind}, not a directory")


def found_owners(
    resource: Owned, found: Stat, answers: Sequence[str | None] = ()
) -> tuple[str, str]:
    """
    Owner and group as the recipe would name them, if they agree.

    It may name them by number, or by another one of several names of a number, which
    only the answers to `ask_owners` tell.
    """
    numbers = {
        (probe.table, probe.key): (answer or "").split(":")[2:3]
        for probe, answer in zip(ask_owners(resource), answers, strict=False)
    }

    def name(table: Table, wanted: str | int | None, number: str, found: str) -> str:
        told = str(wanted)
        return told if told == number or numbers.get((table, told)) == [number] else found

    return (
        name(PASSWD, resource.owner, found.uid, found.owner),
        name(GROUP, resource.group, found.gid, found.group),
    )


def text_or_none(value: str | int | None) -> str | None:
    """Return a name or number as text."""
    return None if value is None else str(value)


def chown(owner: str | None, group: str | None, path: Command) -> Command:
    """Return the command that sets the owner of a path, or of a link itself; empty without one."""
    if owner is None and group is None:
        return sh("")
    return sh("chown -h {} {}", _whom(owner, group), path)


def chown_new(owner: str | None, group: str | None, path: Command) -> Command:
    """
    Return the same for a new path, without a process if it has the owner already.

    That is so if the run acts as root and root is wanted (the owner of `/`), unless the group was
    inherited from the folder.
    """
    if owner is None and group is None:
        return sh("")
    tests = [sh("[ -O / ] && [ -O {} ]", path)] if owner is not None else []
    tests += [sh("[ -G / ] && [ -G {} ]", path)] if group is not None else []
    give = chown(owner, group, path)
    ours = {owner, group} <= {None, "root", "0"}
    return sh("{ {} || {}; }", join(tests, " && "), give) if ours else give


def _whom(owner: str | None, group: str | None) -> str:
    return f"{owner or ''}{f':{group}' if group is not None else ''}"
