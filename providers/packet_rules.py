"""The common part of the providers of firewall rules: their state, and its order."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Generic, TypeVar

from cookbook.provider import (
    AccessPath,
    Change,
    Command,
    Probe,
    Provider,
    Risk,
    Table,
    Thing,
    hint,
    sh,
)
from cookbook.providers.base_chains import FOREIGN, deciding
from cookbook.providers.packet_filter import Entry, PacketFilter, has_port
from cookbook.resources.firewall_nat import FirewallNat
from cookbook.resources.firewall_rule import FirewallRule


@dataclass(frozen=True)
class State:
    """A rule, in the words of its tool; it may be several lines, each in a chain."""

    live: tuple[str, ...] = ()
    """As the kernel has it now."""
    saved: tuple[str, ...] = ()
    """As it will be loaded at boot."""
    placed: bool = True
    """No rule that comes later stands before it."""
    frame: bool = True
    """True if the chains are unchanged and contain no rules of others."""
    boot: bool = True
    """Something will load what is saved."""
    after: str = hint(default="")
    """The rule of its position that stands just before it; none: it is the first of them."""


_SHOW = r"""
END { saved(); for (k = 1; k < n; k += 2) { name = ARGV[k]; seen = bad = 0; print "@" name
  for (i = 1; i <= m; i++) if (N[i] == name) { seen = 1
    print (K[i] == "live" ? "=" : "+") C[i] " " T[i]
    if (K[i] == "live") for (j = 1; j <= m; j++) if (K[j] == "live" && C[j] == C[i])
      if ((j < i && P[j] > P[i]) || (j > i && N[j] == ARGV[k + 1] && P[j] == P[i])) bad = 1 }
  if (seen) { print "!" bad " " boot
    for (i = 1; i <= m; i++) if (K[i] == "live" && N[i] == "") print "~" C[i] " " T[i] } } }
"""
_BEFORE = r"""
END { for (i = 1; i <= m && !(K[i] == "live" && N[i] == ARGV[1]); i++);
  if (i > 1 && i <= m && C[i-1] == C[i] && P[i-1] == P[i]) print N[i-1] }
"""


_SETS = r"""
END { for (i = 1; i <= m; i++) if (C[i] ~ /^@/) { sub(/[.].*/, "", C[i]); print substr(C[i], 2) } }
"""
_FORWARDING = Probe(
    sh("for f in ipv4/ip_forward ipv6/conf/all/forwarding; do cat /proc/sys/net/$f || :; done"),
    loose=True,
)

R = TypeVar("R", FirewallRule, FirewallNat)


class PacketRules(Provider[R, State], Generic[R]):
    """Rules, each known by its comment, in the tables or chains of cook."""

    filter: ClassVar[PacketFilter]
    prefix: ClassVar[str] = ""
    """The part of the comment that tells the rules of a type from those of others."""

    @abstractmethod
    def lines(self, rule: R) -> Iterator[str]:
        """Yield the rule as its tool lists it: chain, a blank, text."""

    def __init__(self) -> None:
        self._table = Table(self._ask, _split)

    @property
    def state(self) -> type[State]:
        """The state of a rule."""
        return State

    def _ask(self, keys: Sequence[str]) -> Command:
        pairs = [part for key in keys for part in key.split("\n")]
        names = " ".join(key.partition("\n")[0] for key in keys)
        return self.filter.ask(_SHOW, pairs, f"look for the firewall rules {names}")

    def probe(self, rule: R) -> Probe | Sequence[Probe]:
        """Its own lines, and whether something stands where it should not."""
        after = f"{self.prefix}{rule.after}" if rule.after else ""
        return self._table.about(f"{self.prefix}{rule.name}\n{after}")

    def parse(self, rule: R, text: str, *_: str) -> State | None:
        """None if there is no line of it, live or saved."""
        parts: dict[str, list[str]] = {mark: [] for mark in "=+~!"}
        for line in text.split("\n")[1:-1]:
            parts[line[0]].append(line[1:])
        if not parts["!"]:
            return None
        bad, boot = parts["!"][0].split(" ")
        return State(
            tuple(map(self.filter.canonical, parts["="])),
            tuple(map(self.filter.canonical, parts["+"])),
            bad == "0",
            self.filter.framed(parts["~"], {line.partition(" ")[0] for line in parts["="]}),
            boot == "1",
            rule.after or "",
        )

    def plan(self, rule: R, found: State | None) -> Change[State]:
        """All or nothing: the same live and saved, in its place."""
        if "delete" in rule.doing:
            return Change(found, None)
        lines = tuple(self.lines(rule))
        return Change(found, State(lines, lines, after=rule.after or ""))

    def commands(self, name: str, change: Change[State]) -> Iterable[Command]:
        """Yield the command that writes the whole table at once."""
        yield self._edit([(name, change)])

    def together(self, changes: Sequence[tuple[str, Change[State]]]) -> Iterable[Command]:
        """One transaction."""
        return [self._edit(changes)]

    def lockout_risk(self, name: str, change: Change[State], way: AccessPath) -> Risk:
        """Return the risk: any rule may; one that drops the port of the login will."""
        lines = change.wanted.live if change.wanted is not None else ()
        return "will" if any(_shuts(line, way.port) for line in lines) else "may"

    def keeps(self, name: str, change: Change[State]) -> Command | None:
        """Keep the position of the rule: the order is part of the meaning."""
        if change.found is None:
            return None
        place = self.filter.ask(_BEFORE, [f"{self.prefix}{name}"], f"look for the place of {name}")
        return replace(sh("({}) || :", place), called=place.called)

    def learned(self, change: Change[State], kept: str, said: str) -> Change[State]:
        """Note the rule before it."""
        if change.found is None:
            return change
        return replace(
            change, found=replace(change.found, after=kept.strip().removeprefix(self.prefix))
        )

    def ask_back(self, rule: R, change: Change[State]) -> R:
        """Ask for the former position, not the declared one."""
        before = change.found
        return rule if before is None else replace(rule, after=before.after or None)

    def unobtainable(self, name: str, change: Change[State], now: State | None) -> str | None:
        """Return the reason: a rule that was saved and not loaded was a fault, not a state."""
        before = change.found
        if before is not None and before.saved and not before.live:
            return "the rule was saved, and not loaded: the run has repaired that"
        return None

    def back(self, name: str, change: Change[State], now: State | None) -> Change[State]:
        """Return to the former lines; repairs of the fixed rules stay."""
        if (before := change.found) is None:
            return Change(now, None)
        return Change(now, State(before.live, before.live, after=before.after))

    def _edit(self, changes: Sequence[tuple[str, Change[State]]]) -> Command:
        entries = []
        for name, change in _in_order(changes):
            wanted = change.wanted if change.wanted is not None else State()
            after = f"{self.prefix}{wanted.after}" if wanted.after else ""
            entries.append(Entry(f"{self.prefix}{name}", after, wanted.live))
        return self.filter.edit(entries)


class RuleProvider(PacketRules[FirewallRule]):
    """Rules of filter chains."""

    def lines(self, rule: FirewallRule) -> Iterator[str]:
        """Yield the rule as its tool lists it."""
        return self.filter.lines(rule)

    def probe(self, rule: FirewallRule) -> Sequence[Probe]:
        """Ask for its lines, and for the sets it refers to."""
        asked = self._table.about(f"{rule.name}\n{rule.after or ''}")
        sets = self.filter.ask(_SETS, [], "look for the sets of the firewall")
        return [asked, Probe(sets, loose=True)] if rule.sets else [asked]

    def missing(self, rule: FirewallRule, *answers: str | None) -> Iterator[Thing]:
        """Yield the sets that are not there."""
        there = (answers[-1] or "").split() if rule.sets and "create" in rule.doing else rule.sets
        yield from (Thing("firewall_set", name) for name in rule.sets if name not in there)

    def besides(self, rule: FirewallRule) -> Sequence[Probe]:
        """Ask for the base chains of others, where the rule lets something pass."""
        lets_pass = rule.command == "allow" and "create" in rule.doing
        return [FOREIGN] if lets_pass else []

    def warning(self, rule: FirewallRule, said: str) -> str | None:
        """Name the base chains of others that may drop what the rule accepts."""
        if not (chains := deciding(rule, said)):
            return None
        named = " and ".join(f"the chain {chain}" for chain in chains)
        return (
            f"{named} of others may still drop what this rule allows: a packet passes only if"
            " no base chain drops it (`nft list ruleset`)"
        )


class NatProvider(PacketRules[FirewallNat]):
    """Rules of translation."""

    prefix = "(nat) "

    def lines(self, rule: FirewallNat) -> Iterator[str]:
        """Yield the rule as its tool lists it."""
        return self.filter.translations(rule, self.prefix)

    def besides(self, rule: FirewallNat) -> Sequence[Probe]:
        """Ask whether packets are passed on, where the rule is about those."""
        return [_FORWARDING] if rule.command != "redirect" and "create" in rule.doing else []

    def warning(self, rule: FirewallNat, said: str) -> str | None:
        """Name the version of IP that the kernel does not pass on."""
        on: dict[int, str] = dict(zip((4, 6), said.split(), strict=False))
        off = [family for family in rule.families if on.get(family) == "0"]
        if not off:
            return None
        key = "net.ipv4.ip_forward" if off[0] == 4 else "net.ipv6.conf.all.forwarding"
        return f'the kernel passes no IPv{off[0]} packets on: declare sysctl("{key}", value=1)'


def _in_order(
    changes: Sequence[tuple[str, Change[State]]],
) -> Iterator[tuple[str, Change[State]]]:
    """Each rule behind the one that it is to stand behind, if that is one of them."""
    left = dict(changes)

    def those_before(name: str) -> Iterator[tuple[str, Change[State]]]:
        if (change := left.pop(name, None)) is not None:
            if change.wanted is not None:
                yield from those_before(change.wanted.after)
            yield name, change

    for name, _ in changes:
        yield from those_before(name)


_NARROW = re.compile(r"\b(saddr|daddr|iifname|ct state)\b|(^| )-[sdi] |--ctstate")


def _shuts(line: str, port: int) -> bool:
    """Return whether a rule closes a TCP port to all sources."""
    chain, _, rule = line.partition(" ")
    if "input" not in chain.lower() or not re.search(r"(?i)\b(drop|reject)\b", rule):
        return False
    return "tcp" in rule and not _NARROW.search(rule) and has_port(rule, port) is True


def _split(text: str, keys: Sequence[str]) -> Iterator[tuple[str, str]]:
    parts: dict[str, str] = {}
    name = ""
    for line in text.split("\n")[:-1]:
        if line.startswith("@"):
            name = line[1:]
        parts[name] = parts.get(name, "") + f"{line}\n"
    return ((key, parts[name]) for key in keys if (name := key.partition("\n")[0]) in parts)
