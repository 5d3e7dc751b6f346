"""Owner and group, which files, directories and links have in common."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from cookbook.provider import Probe, Thing
from cookbook.providers.getent import GROUP, PASSWD
from cookbook.providers.stat import Stat
from cookbook.shell import Command, sh


class Owned(Protocol):
    """A resource with an owner and a group: names, or numbers."""

    @property
    def owner(self) -> str | int | None: ...  # noqa: D102
    @property
    def group(self) -> str | int | None: ...  # noqa: D102


def ask_owners(resource: Owned) -> list[Probe]:
    """Whether the owner- and the group-to-be are there; numbers need not be."""
    pairs = ((PASSWD, resource.owner), (GROUP, resource.group))
    return [
        table.about(who, loose=True)
        for table, who in pairs
        if isinstance(who, str) and not who.isdigit()
    ]


def missing_owners(resource: Owned, answers: Sequence[str | None]) -> Iterator[Thing]:
    """The owner or group that the answers to `ask_owners` say is not there."""
    for probe, answer in zip(ask_owners(resource), answers, strict=True):
        if answer is None:
            yield Thing("user" if probe.table is PASSWD else "group", probe.key)


def found_owners(resource: Owned, found: Stat) -> tuple[str, str]:
    """Owner and group as the recipe would name them: by number, if it does and they agree."""
    return (
        found.uid if str(resource.owner) == found.uid else found.owner,
        found.gid if str(resource.group) == found.gid else found.group,
    )


def text_or_none(value: str | int | None) -> str | None:
    """A name or number as text."""
    return None if value is None else str(value)


def chown(owner: str | None, group: str | None, path: Command) -> Command:
    """Give it to them; empty if nobody is named. A link itself is meant, not its target."""
    if owner is None and group is None:
        return sh("")
    whom = f"{owner or ''}{f':{group}' if group is not None else ''}"
    return sh("chown -h {} {}", whom, path)
