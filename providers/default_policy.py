"""The common part of the providers of default policies: the last rule of each chain."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from cookbook.provider import AccessPath, Change, Command, Probe, Provider, Risk, Thing, hint
from cookbook.providers.packet_filter import ALL, POLICY, Entry, PacketFilter, Verdict, lets_in
from cookbook.resources.firewall import Firewall

_SHOW = r"""
END { saved(); all = ARGV[1]
  for (i = 1; i <= m; i++) { if (N[i] == "(policy)") seen = 1
    if (N[i] == "(policy)" || (all && N[i] != ""))
      print (N[i] != "(policy)" ? "*" : "") (K[i] == "live" ? "=" : "+") C[i] " " T[i] }
  if (seen) { print "!" boot
    for (i = 1; i <= m; i++) if (K[i] == "live" && N[i] == "") print "~" C[i] " " T[i] } }
"""

# What lets packets in: the rules before the policy.
_OPEN = r"""
END { for (i = 1; i <= m; i++) if (K[i] == "live" && N[i] != "" && C[i] ~ /[iI][nN][pP][uU][tT]$/)
  print C[i] " " T[i] }
"""

_DIRECTIONS = {"input": "in", "forward": "forward", "output": "out"}


@dataclass(frozen=True)
class State:
    """The policies, now and at boot."""

    input: str | None = None
    forward: str | None = None
    output: str | None = None
    saved: str | None = None
    """The three of them as they will be at boot."""
    frame: bool | None = None
    """True if the chains are unchanged and contain no rules of others."""
    boot: bool | None = None
    """Something will load what is saved."""
    rules: tuple[str, ...] | None = None
    """All rules that cook wrote, in their order; None: not asked."""
    open: tuple[str, ...] = hint(default=())
    """The rules for packets to this host."""

    @property
    def policies(self) -> list[str]:
        """The verdicts, in the order of the chains."""
        return [verdict or "accept" for verdict in (self.input, self.forward, self.output)]


class PolicyProvider(Provider[Firewall, State]):
    """Policies, each a rule behind all others: the chain itself always accepts."""

    filter: ClassVar[PacketFilter]

    @property
    def state(self) -> type[State]:
        """The state of the policies."""
        return State

    def probe(self, firewall: Firewall) -> Sequence[Probe]:
        """Ask for the policies; for all rules if they are to go; for what lets the login in."""
        goes = "1" if firewall.action in ("flush", "disable") else ""
        return [
            Probe(self.filter.ask(_SHOW, [goes], "look at the policies of the firewall")),
            Probe(self.filter.ask(_OPEN, [], "look for rules that let in"), loose=True),
        ]

    def parse(self, firewall: Firewall, text: str, others: str) -> State:
        """Return the policies; `other` where a last rule is not one of cook's."""
        parts: dict[str, list[str]] = {mark: [] for mark in ("=", "+", "~", "!", "*=", "*+")}
        for line in text.splitlines():
            mark = line[:2] if line[0] == "*" else line[0]
            told = line.removeprefix(mark)
            parts[mark].append(told if mark in "~!" else self.filter.canonical(told))
        to_us, through, from_us = (self._verdict(chain, parts["="]) for chain in _DIRECTIONS)
        rules = tuple(parts["*="] or parts["*+"])
        asked = firewall.action in ("flush", "disable")
        return State(
            to_us,
            through,
            from_us,
            saved=" ".join(self._verdict(chain, parts["+"]) for chain in _DIRECTIONS),
            frame=not parts["!"] or self.filter.framed(parts["~"]),
            boot=not parts["!"] or parts["!"][0] == "1",
            rules=rules if asked else None,
            open=tuple(map(self.filter.canonical, others.splitlines())),
        )

    def _verdict(self, chain: str, lines: Sequence[str]) -> str:
        own = [line for line in lines if chain in line.partition(" ")[0].lower()]
        verdicts: tuple[Verdict, ...] = ("accept", "drop", "reject")
        for verdict in verdicts:
            if own == list(self.filter.closing(_DIRECTIONS[chain], verdict)):
                return verdict
        return "other"

    def plan(self, firewall: Firewall, found: State | None) -> Change[State]:
        """Compare the policies, or that there are no rules."""
        now = found or _NOTHING
        match firewall.action:
            case "flush":
                return Change(now, replace(now, rules=()))
            case "disable":
                return Change(now, replace(_NOTHING, rules=(), frame=None, boot=None))
        wanted = (firewall.input, firewall.forward, firewall.output)
        opened = [line for rule in firewall.neighbours for line in self.filter.lines(rule)]
        given = [new or old for new, old in zip(wanted, now.policies, strict=True)]
        state = replace(_having(given), open=(*now.open, *opened))
        return Change(now, state)

    def commands(self, name: str, change: Change[State]) -> Iterator[Command]:
        """Yield the command that writes all rules at once."""
        found = change.found or _NOTHING
        wanted = change.wanted or _NOTHING
        given = [
            new or old
            for new, old in zip(
                (wanted.input, wanted.forward, wanted.output), found.policies, strict=True
            )
        ]
        lines = [
            line
            for direction, verdict in zip(_DIRECTIONS.values(), given, strict=True)
            for line in self.filter.closing(direction, _as_verdict(verdict))
        ]
        entries = [Entry(ALL, "", wanted.rules)] if wanted.rules is not None else []
        yield self.filter.edit([*entries, Entry(POLICY, "", lines)])

    def about(self, firewall: Firewall) -> Iterable[Thing]:
        """Yield the packet filter."""
        return [Thing("firewall", "default")]

    def there(self, state: State | None) -> bool:
        """Return whether something is not accepted, or there are rules that were asked for."""
        return state is not None and (state.policies != _NOTHING.policies or bool(state.rules))

    def lockout_risk(self, name: str, change: Change[State], way: AccessPath) -> Risk:
        """Return the risk: a policy will, if no rule lets the login in."""
        wanted = change.wanted
        if wanted is None or wanted.input in (None, "accept"):
            return "may"
        rules = wanted.open if wanted.rules is None else wanted.rules
        return "may" if any(lets_in(line, way.port) for line in rules) else "will"

    def lockout_hint(self, name: str, change: Change[State], way: AccessPath) -> str | None:
        """Name the rule that is missing."""
        return f'declare firewall_rule("ssh", port={way.port}) before it'

    def unobtainable(self, name: str, change: Change[State], now: State | None) -> str | None:
        """Return the reason: a policy that was saved and not loaded was a fault, not a state."""
        before = change.found
        if before is not None and before.saved not in (None, " ".join(before.policies)):
            return "the policy was saved, and not loaded: the run has repaired that"
        return None

    def back(self, name: str, change: Change[State], now: State | None) -> Change[State]:
        """Return to the former policies and rules; repairs of the fixed rules stay."""
        before, wanted = change.found or _NOTHING, change.wanted
        rules = before.rules if wanted is not None and wanted.rules is not None else None
        return Change(now, replace(_having(before.policies), rules=rules))


def _having(verdicts: Sequence[str]) -> State:
    """Return the state with these policies, now and at boot."""
    to_us, through, from_us = verdicts
    return State(to_us, through, from_us, " ".join(verdicts), frame=True, boot=True)


_NOTHING = _having(["accept"] * 3)


def _as_verdict(verdict: str) -> Verdict:
    """Return a verdict; a last rule of others that is not to be changed is no policy of cook."""
    return "drop" if verdict == "drop" else "reject" if verdict == "reject" else "accept"
