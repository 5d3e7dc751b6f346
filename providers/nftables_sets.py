"""Named sets of addresses or ports: nft(8)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from cookbook.provider import (
    AccessPath,
    Change,
    Command,
    Probe,
    Provider,
    Risk,
    Thing,
    hint,
    provides,
)
from cookbook.providers.nftables import NFTABLES
from cookbook.providers.packet_filter import Entry
from cookbook.resources._packets import Network, Ports, collapsed, merged
from cookbook.resources.firewall_set import FirewallSet

_SHOW = r"""
END { saved(); for (i = 1; i <= m; i++) if (index(C[i], "@" ARGV[1] ".") == 1) { seen = 1
    print (K[i] == "live" ? "=" : "+") C[i] " " T[i] }
  if (seen) print "!" boot }
"""

_TYPES = {"v4": "ipv4_addr", "v6": "ipv6_addr", "port": "inet_service"}


@dataclass(frozen=True)
class State:
    """A set: its elements as the kernel has them, and as they will be loaded at boot."""

    live: tuple[str, ...] = ()
    saved: tuple[str, ...] = ()
    boot: bool = True
    """Something will load what is saved."""
    of: str = hint(default="addresses")


@provides(FirewallSet, when=lambda facts: facts.firewall_tool == "nftables")
class SetProvider(Provider[FirewallSet, State]):
    """A set is one of nft(8) for ports, and two for addresses: `NAME.v4` and `NAME.v6`."""

    def probe(self, named: FirewallSet) -> Probe:
        """Ask for its elements."""
        return Probe(
            NFTABLES.ask(_SHOW, [named.name], f"look for the set {named.name} of the firewall")
        )

    def parse(self, named: FirewallSet, text: str) -> State | None:
        """Return the elements; None without any of its sets."""
        lines = text.splitlines()
        if not lines:
            return None
        kinds = {line[1:].split(" ")[0].rpartition(".")[2] for line in lines[:-1] if line[0] == "="}
        whole = kinds == ({"port"} if named.of == "ports" else {"v4", "v6"})
        return State(
            _elements(lines, "=") if whole else ("incomplete",),
            _elements(lines, "+"),
            lines[-1] == "!1",
            named.of,
        )

    def plan(self, named: FirewallSet, found: State | None) -> Change[State]:
        """Compare the elements."""
        if named.action == "delete":
            return Change(found, None)
        elements = _texts(named.networks, named.ports)
        return Change(found, State(elements, elements, boot=True, of=named.of))

    def commands(self, name: str, change: Change[State]) -> Iterable[Command]:
        """Yield the command that writes the whole table at once."""
        entries = []
        for kind, type_ in _TYPES.items():
            own = [e for e in (change.wanted or State()).live if _kind(e) == kind]
            of = "ports" if kind == "port" else "addresses"
            text = f"@{name}.{kind} type {type_}; flags interval"
            text += f"; elements = {{ {', '.join(own)} }}" if own else ""
            wanted = change.wanted is not None and change.wanted.of == of
            entries.append(Entry(f"@{name}.{kind}", "", [text] if wanted else []))
        yield NFTABLES.edit(entries)

    def brings(self, name: str, change: Change[State]) -> Iterable[Thing]:
        """Yield the set, which rules need."""
        return [Thing("firewall_set", name)] if change.wanted is not None else []

    def lockout_risk(self, name: str, change: Change[State], way: AccessPath) -> Risk:
        """Return the risk: a rule may be about what is in it, or no longer in it."""
        return "may"

    def back(self, name: str, change: Change[State], now: State | None) -> Change[State]:
        """Return to the former elements."""
        before = change.found
        wanted = State(before.live, before.live, boot=True, of=before.of) if before else None
        return Change(now, wanted)

    def unobtainable(self, name: str, change: Change[State], now: State | None) -> str | None:
        """Return the reason: a set that was saved and not loaded was a fault, not a state."""
        if change.found is not None and change.found.saved != change.found.live:
            return "the set was saved, and not loaded: the run has repaired that"
        return None


def _kind(element: str) -> str:
    """Return the ending of the set that an element is in."""
    return "v6" if ":" in element else "v4" if "." in element else "port"


def _elements(lines: Sequence[str], mark: str) -> tuple[str, ...]:
    """Return the elements in listed sets, in a fixed order."""
    found: list[Network] = []
    ports: list[tuple[int, int]] = []
    for line in lines:
        listed = re.search(r"elements = \{ (.*) \}", line) if line[0] == mark else None
        for item in re.split(r",\s*", listed[1]) if listed else ():
            low, _, high = item.strip().partition("-")
            if _kind(low) == "port":
                ports.append((int(low), int(high or low)))
            else:
                found += _network(low, high)
    return _texts(collapsed(found), merged(ports))


def _network(low: str, high: str) -> Iterator[Network]:
    """Yield the networks of an element, which may be a range."""
    if not high:
        yield ipaddress.ip_network(low)
        return
    first, last = ipaddress.ip_address(low), ipaddress.ip_address(high)
    yield from ipaddress.summarize_address_range(first, last)


def _texts(networks: Sequence[Network], ports: Ports) -> tuple[str, ...]:
    addresses = [str(n.network_address if n.num_addresses == 1 else n) for n in networks]
    return (*addresses, *(str(low) if low == high else f"{low}-{high}" for low, high in ports))
