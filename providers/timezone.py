"""The time zone, by localtime(5)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from cookbook.errors import HostError
from cookbook.provider import Change, Command, Probe, Provider, Thing, hint, provides, sh
from cookbook.providers.small_files import TEXT, ages, parse_text, times, write_small
from cookbook.providers.stat import READLINK, STAT, TARGET, parse_link, parse_stat
from cookbook.resources.timezone import Timezone

LOCALTIME, TIMEZONE = "/etc/localtime", "/etc/timezone"
ZONES = "/usr/share/zoneinfo/"
_COPY = "(a file)"


@dataclass(frozen=True)
class State:
    """The time zone."""

    zone: str = ""
    """The zone that /etc/localtime points to; empty if it does not exist."""
    name: str | None = None
    """The zone in /etc/timezone; None if it does not exist: Debian only."""
    to: str = hint(default="")
    """The target of the link, as it is written."""
    modified: str | None = hint()


@provides(Timezone)
class TimezoneProvider(Provider[Timezone, State]):
    """
    The link and, where it exists, the file.

    timedatectl(1) would tell the kernel as well, which in a container may move the clock of the
    whole machine.
    """

    owns = False

    def probe(self, zone: Timezone) -> Sequence[Probe]:
        """Ask for file and link, and for the description of the zone."""
        return [
            TEXT.about(TIMEZONE),
            STAT.about(LOCALTIME),
            READLINK.about(LOCALTIME),
            TARGET.about(f"{ZONES}{zone.zone}", loose=True),
        ]

    def parse(
        self, zone: Timezone, text: str, at: str | None, link: str | None, _there: str | None
    ) -> State:
        """Return the zone."""
        name = parse_text(text)
        name = name.strip() if name is not None else None
        if at is None:
            return State("", name)
        if link is None:
            if (kind := parse_stat(at).kind) != "file":
                raise HostError(f"{LOCALTIME} is a {kind}", hint="remove it first")
            return State(_COPY, name)
        to = parse_link(link)
        before, _, rest = to.partition("/zoneinfo/")
        return State(rest or before, name, to)

    def plan(self, zone: Timezone, found: State | None) -> Change[State]:
        """Compare link and file."""
        now = found or State(name="")
        name = None if now.name is None else zone.zone
        return Change(found, State(zone.zone, name, f"{ZONES}{zone.zone}"))

    def commands(self, _name: str, change: Change[State]) -> Iterable[Command]:
        """Put a new link in its place at once."""
        wanted = change.wanted
        if wanted is None:
            return
        if "zone" in change.fields and wanted.zone:
            new = sh('"/etc/.cook-$cook_nonce"')
            yield sh("ln -s -- {} {} && mv -fT -- {} {}", wanted.to, new, new, LOCALTIME)
        elif "zone" in change.fields:
            yield sh("rm -f -- {}", LOCALTIME)
        if "name" in change.fields:
            text = f"{wanted.name}\n" if wanted.name else ""
            yield write_small(TIMEZONE, text, wanted.modified, may_be_empty=True)

    def keeps(self, _name: str, change: Change[State]) -> Command | None:
        """Ask when the file was modified."""
        return ages([TIMEZONE])

    def learned(self, change: Change[State], kept: str, said: str) -> Change[State]:
        """Add the time of modification."""
        if change.found is None or not kept:
            return change
        return replace(change, found=replace(change.found, modified=times(kept)[0]))

    def missing(self, zone: Timezone, *answers: str | None) -> Iterable[Thing]:
        """Yield the description of the zone."""
        if answers[-1] is None:
            yield Thing("path", f"{ZONES}{zone.zone}")

    def about(self, zone: Timezone) -> Iterable[Thing]:
        """Yield the zone, and its files."""
        files = [Thing("path", LOCALTIME), Thing("path", TIMEZONE)]
        return [Thing("timezone", zone.identity), *files]

    def unobtainable(self, _name: str, change: Change[State], now: State | None) -> str | None:
        """Return the reason: a copy of a description that was in place of a link."""
        copied = change.found is not None and change.found.zone == _COPY
        return "the file that /etc/localtime was cannot be brought back" if copied else None

    def lost(self, name: str, change: Change[State]) -> str | None:
        """Return the same, before the change is made."""
        return self.unobtainable(name, change, None) if "zone" in change.fields else None
