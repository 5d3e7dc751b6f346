"""Ports in the policy of SELinux, by semanage(8)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import LiteralString

from cookbook.provider import Change, Command, Probe, Provider, Table, Thing, hint, provides
from cookbook.providers.selinux import TOOL, by_key, by_list, semanage
from cookbook.resources.selinux_port import SelinuxPort


@dataclass(frozen=True)
class State:
    """The type that the policy gives to a port."""

    secontext: str | None = None
    """The type."""
    local: bool = hint(default=False)
    """True if a local definition says so, not the policy itself."""


# All ports are listed only if one has no local definition. That list has the local ones as well.
_ASK: LiteralString = r"""
cook_find() { awk -v k="$1" -v w=$2 'NF > 2 { t = $1; p = $2; $1 = $2 = ""; gsub(/[ \t]/, "")
m = split($0, r, ","); for (i = 1; i <= m; i++) if (p "/" r[i] == k) print k, w, t }'; }
cook_ports() { PATH=$PATH:/usr/sbin:/sbin; command -v semanage >/dev/null || return 0
c=$(cook_list local) || return; a=; for k; do x=$(printf '%s\n' "$c" | cook_find "$k" local)
if [ "$x" ]; then printf '%s\n' "$x"; continue; fi; [ "$a" ] || a=$(cook_list ports) || return
printf '%s\n' "$a" | cook_find "$k" policy; done; }; cook_ports {}
"""


def _ask(keys: Sequence[str]) -> Command:
    return replace(by_list(_ASK.strip(), keys), called=f"semanage port -l: {' '.join(keys)}")


PORTS = Table(_ask, by_key)


@provides(SelinuxPort)
class SelinuxPortProvider(Provider[SelinuxPort, State]):
    """Overrides the policy by a local definition where it says something else."""

    def probe(self, port: SelinuxPort) -> Sequence[Probe]:
        """Ask for the port, and for semanage."""
        return [PORTS.about(port.identity), TOOL]

    def parse(self, port: SelinuxPort, text: str, _tool: str | None) -> State | None:
        """Return the type of the port; None if nothing is said of exactly this port."""
        told = [tuple(line.split()[1:]) for line in text.splitlines()]
        if not told:
            return None
        where, kind = told[0]
        return State(kind, local=where == "local")

    def plan(self, port: SelinuxPort, found: State | None) -> Change[State]:
        """Compare the type."""
        if port.action == "delete":
            return Change(found if self.there(found) else None, None)
        return Change(found, State(port.secontext, local=True))

    def commands(self, name: str, change: Change[State]) -> Iterator[Command]:
        """Add, modify or delete the local definition."""
        protocol, _, number = name.partition("/")
        found, wanted = change.found, change.wanted
        if wanted is None:
            yield semanage("port", "-d", "-p", protocol, number)
            return
        verb = "-a" if found is None else "-m"
        yield semanage("port", verb, "-t", wanted.secontext or "", "-p", protocol, number)

    def missing(self, port: SelinuxPort, _text: str | None, tool: str | None) -> Iterable[Thing]:
        """Yield semanage."""
        return [Thing("tool", "semanage")] if tool is None and port.action == "manage" else []

    def there(self, state: State | None) -> bool:
        """Return whether there is a local definition."""
        return state is not None and state.local

    def back(self, name: str, change: Change[State], now: State | None) -> Change[State]:
        """Return to the former local definition, or to the policy itself."""
        before = change.found if self.there(change.found) else None
        return Change(now if before is not None or self.there(now) else None, before)
