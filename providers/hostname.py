"""The name of the host, by hostname(5), hostname(1) and hosts(5)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from cookbook.provider import Change, Command, Probe, Provider, Thing, hint, join, provides, sh
from cookbook.providers.line_lists import (
    LINES,
    ListItem,
    edit_line,
    keep_line,
    key_of,
    lines_of,
    with_line,
)
from cookbook.providers.small_files import TEXT, ages, parse_text, times, write_small
from cookbook.resources.hostname import Hostname

HOSTS = "/etc/hosts"
HOSTNAME = "/etc/hostname"


@dataclass(frozen=True)
class State(ListItem):
    """The name of the host."""

    running: str = ""
    """The name that the kernel has."""
    boot: str = ""
    """The name in /etc/hostname; empty if that does not exist."""
    hosts: str | None = None
    """The names in the line of /etc/hosts; empty if there is none."""
    ip: str | None = hint()
    """The address of that line."""
    written: str | None = hint()
    """Time of the last modification of /etc/hostname, in seconds since the epoch."""


@provides(Hostname)
class HostnameProvider(Provider[Hostname, State]):
    """All three places have to have the name."""

    owns = False

    def probe(self, name: Hostname) -> Sequence[Probe]:
        """Ask the kernel, and for the files."""
        asked = [Probe(sh("cat /proc/sys/kernel/hostname")), TEXT.about(HOSTNAME)]
        if name.ipaddress is None:
            return asked
        address = name.ipaddress.replace(".", "[.]")
        return [*asked, LINES.about(key_of(HOSTS, rf"^[[:space:]]*{address}[[:space:]]"))]

    def parse(self, name: Hostname, live: str, text: str, *answers: str) -> State:
        """Return the name; the first line of the address counts."""
        lines = lines_of(answers[0]) if answers else []
        names = " ".join(lines[0].partition("#")[0].split()[1:]) if lines else ""
        return State(
            HOSTS,
            lines[0] if lines else None,
            running=live.strip(),
            boot=_first(parse_text(text) or ""),
            hosts=names if answers else None,
            ip=name.ipaddress,
        )

    def plan(self, name: Hostname, found: State | None) -> Change[State]:
        """Compare the three; the order of further names in /etc/hosts means nothing."""
        now = found or State(HOSTS, ip=name.ipaddress)
        names = name.names if name.ipaddress is not None else None
        if names is not None and _alike(names, now.hosts or ""):
            names = now.hosts
        wanted = State(HOSTS, running=name.wanted, boot=name.wanted, hosts=names, ip=now.ip)
        return Change(found, wanted)

    def commands(self, _name: str, change: Change[State]) -> Iterable[Command]:
        """Write the files, and tell the kernel."""
        found, wanted = change.found, change.wanted
        if wanted is None:
            return
        if "hosts" in change.fields:
            line = f"{wanted.ip} {wanted.hosts}" if wanted.hosts else None
            yield edit_line(found, wanted, wanted.raw if wanted.raw is not None else line)
        if "boot" in change.fields:
            yield write_small(HOSTNAME, f"{wanted.boot}\n" if wanted.boot else "", wanted.written)
        if "running" in change.fields:
            yield sh("hostname -- {}", wanted.running)

    def keeps(self, _name: str, change: Change[State]) -> Command | None:
        """Ask when the files were modified."""
        found = change.found
        return join([ages([HOSTNAME]), keep_line(found)]) if found is not None else None

    def learned(self, change: Change[State], kept: str, said: str) -> Change[State]:
        """Add the times of modification."""
        first, _, rest = kept.partition("\n")
        change = with_line(change, rest)
        if change.found is None or not kept:
            return change
        return replace(change, found=replace(change.found, written=times(first)[0]))

    def about(self, name: Hostname) -> Iterable[Thing]:
        """Yield the name, and the files."""
        files = [Thing("path", HOSTNAME), Thing("path", HOSTS)]
        return [Thing("hostname", name.identity), *files[: 1 if name.ipaddress is None else 2]]

    def alters(self, name: Hostname, change: Change[State] | None) -> Iterable[Thing]:
        """Yield the name and its file; other lines of /etc/hosts stay."""
        return [Thing("hostname", name.identity), Thing("path", HOSTNAME)]


def _first(text: str) -> str:
    """Return the name in /etc/hostname, which may have comments."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return next(filter(None, lines), "")


def _alike(one: str, other: str) -> bool:
    first, second = one.split(), other.split()
    return first[:1] == second[:1] and {*first} == {*second}
