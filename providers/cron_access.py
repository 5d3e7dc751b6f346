"""The lists of users who may use cron(8) and at(1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cookbook.errors import HostError
from cookbook.provider import Change, Probe, Thing, provides
from cookbook.providers.obstacles import OBSTACLES, refuse_fixed, refuse_links
from cookbook.providers.small_files import TEXT, parse_text
from cookbook.providers.text_edits import (
    TextEditProvider,
    TextState,
    hunks_of,
    lines_of,
    text_with,
)
from cookbook.resources.cron_access import CronAccess


@dataclass(frozen=True)
class State(TextState):
    """The line of a user in the list that decides."""

    listed: str | None = None
    """The path of the list."""


@provides(CronAccess)
class CronAccessProvider(TextEditProvider[CronAccess, State]):
    """A user is in the list that decides, or is not."""

    new_mode = "0644"

    def probe(self, access: CronAccess) -> Sequence[Probe]:
        """Ask for both lists."""
        allow, deny = self._lists(access)
        return [
            TEXT.about(allow),
            TEXT.about(deny),
            OBSTACLES.about(allow),
            OBSTACLES.about(deny),
        ]

    def parse(self, access: CronAccess, text: str, obstacles: str | None, *more: Any) -> State:
        """Return whether the user is in the list that decides."""
        paths = self._lists(access)
        allow, deny = parse_text(text), parse_text(obstacles)
        for path, said in zip(paths, more, strict=True):
            refuse_links(path, said, follows=True)
        by_allow = allow is not None or access.create_allow
        if not by_allow and deny is None and access.tool == "at" and access.action == "allow":
            raise HostError(
                f"{access}: without {paths[0]} and {paths[1]} only root may use at",
                hint="create_allow=True makes a list of the users who may",
            )
        path, its = (paths[0], allow) if by_allow else (paths[1], deny)
        found = self.read(access, its or "")
        there = replace(found, listed=path) if found is not None else State(there=False)
        hunks = hunks_of(its or "", self.without(access, its or ""))
        return replace(there, path=path, text=its or "", hunks=hunks)

    def plan(self, access: CronAccess, found: State | None) -> Change[State]:
        """Add the user to the list, or remove it, as the list says who may or who may not."""
        if found is None:
            return Change(None, None)
        now = found if found.there else None
        by_allow = found.path == self._lists(access)[0]
        if (access.action == "allow") != by_allow:
            return Change(now, None, note=f"from {found.path}" if now is not None else None)
        text = found.text or ""
        after = self.edit(access, text)
        hunks = hunks_of(text, after)
        wanted = State(found.path, True, after, text, hunks, listed=found.path)
        alone = by_allow and not text and now is None
        note = f"only root and the users in {found.path} may use {access.tool}"
        return Change(now, wanted, note=note if alone else None)

    def path(self, access: CronAccess) -> str:
        """Return the path of the list of those who may not."""
        return self._lists(access)[1]

    def read(self, access: CronAccess, text: str) -> State | None:
        """Return the line of the user."""
        return State() if _user(access) in [line.strip() for line in lines_of(text)] else None

    def edit(self, access: CronAccess, text: str) -> str:
        """Return the text with the user."""
        if self.read(access, text) is not None:
            return text
        lines = lines_of(text)
        return text_with(lines, len(lines), 0, [_user(access)])

    def without(self, access: CronAccess, text: str) -> str:
        """Return the text without the user."""
        return "".join(line for line in lines_of(text) if line.strip() != _user(access))

    def missing(
        self, access: CronAccess, text: str | None, obstacles: str | None, *more: Any
    ) -> Iterator[Thing]:
        """Yield nothing: both lists are in /etc."""
        for path, said in zip(self._lists(access), more, strict=True):
            refuse_fixed(path, said, replaces=True)
        yield from ()

    def about(self, access: CronAccess) -> Iterable[Thing]:
        """Yield both lists."""
        return [Thing("path", path) for path in self._lists(access)]

    def unobtainable(self, name: str, change: Change[State], now: State | None) -> str | None:
        """Return the reason: another list decides now."""
        done = change.wanted or change.found
        if now is not None and done is not None and now.path != done.path:
            return f"{now.path} decides now"
        return super().unobtainable(name, change, now)

    def _lists(self, access: CronAccess) -> tuple[str, str]:
        return f"/etc/{access.tool}.allow", f"/etc/{access.tool}.deny"


def _user(access: CronAccess) -> str:
    return access.user or access.name
