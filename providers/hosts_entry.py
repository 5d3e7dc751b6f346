"""Lines of /etc/hosts, as hosts(5) reads them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from cookbook.provider import Change, Probe, Thing, hint, provides
from cookbook.providers.line_lists import LINES, LineListProvider, ListItem, key_of, lines_of
from cookbook.resources.hosts_entry import HostsEntry

HOSTS = "/etc/hosts"


@dataclass(frozen=True)
class State(ListItem):
    """A line whose first name is that of the entry."""

    ip: str = ""
    """Empty only in what was found: there is no such line."""
    aliases: tuple[str, ...] | None = None
    before: str = hint(default="")
    """An earlier line of another address that has the name as well."""


@provides(HostsEntry)
class HostsEntryProvider(LineListProvider[HostsEntry, State]):
    """An entry is known by its first name and the family of its address."""

    def probe(self, entry: HostsEntry) -> Probe:
        """Ask for the lines that have the name."""
        name = entry.canonical.replace(".", "[.]")
        return LINES.about(key_of(HOSTS, rf"^[^#]*[[:space:]]{name}([[:space:]#]|$)"))

    def parse(self, entry: HostsEntry, text: str) -> State | None:
        """Return the first line whose first name it is."""
        before = ""
        for line in lines_of(text):
            ip, name, *aliases = line.partition("#")[0].split()
            if (":" in ip) != (entry.family == 6):
                continue
            if name == entry.canonical:
                return State(HOSTS, line, ip=ip, aliases=tuple(aliases), before=before)
            before = before or line
        return State(HOSTS, before=before) if before else None

    def plan(self, entry: HostsEntry, found: State | None) -> Change[State]:
        """Compare address and aliases; their order means nothing."""
        now = found if self.there(found) else None
        if entry.action == "remove":
            return Change(now, None)
        names = None if entry.aliases is None else tuple(entry.aliases)
        if now is not None and names is not None and {*names} == {*(now.aliases or ())}:
            names = now.aliases
        before = found.before if found is not None else ""
        warning = f"the line {before!r} has the name, too, and comes first" if before else None
        return Change(now, State(HOSTS, ip=entry.ip or "", aliases=names), warning=warning)

    def line(self, name: str, found: State | None, wanted: State) -> str:
        """Return address and names, with the blanks and the comment of the former line."""
        aliases = wanted.aliases
        if aliases is None:
            aliases = found.aliases if found is not None else None
        names = " ".join([name.partition(" ")[0], *(aliases or ())])
        raw = found.raw if found is not None and found.raw is not None else ""
        form = re.fullmatch(r"(\s*)\S+(\s+)[^#]*?(\s*#.*)?", raw)
        if form is None:
            return f"{wanted.ip} {names}"
        return f"{form[1]}{wanted.ip}{form[2]}{names}{form[3] or ''}"

    def there(self, state: State | None) -> bool:
        """Return whether there is such a line."""
        return state is not None and state.ip != ""

    def about(self, entry: HostsEntry) -> Iterable[Thing]:
        """Yield the file: it may be written as a whole by another resource."""
        return [Thing("path", HOSTS)]

    def back(self, name: str, change: Change[State], now: State | None) -> Change[State]:
        """Return to the former line."""
        return super().back(name, change, now if self.there(now) else None)
