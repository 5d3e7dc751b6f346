"""Firewall rules and default policies, by ufw(8)."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import LiteralString

from cookbook.errors import HostError
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
    sh,
)
from cookbook.resources._packets import Network, Ports
from cookbook.resources.firewall import Firewall
from cookbook.resources.firewall_rule import FirewallRule

_FILES: LiteralString = "/etc/ufw/user.rules /etc/ufw/user6.rules"

# ufw keeps a line for each of its rules, with the comment in hexadecimal digits, and below it the
# rules for iptables-restore(8). Those of cook have the comment `cook POSITION: NAME`.
_TUPLES = r"""
FNR == 1 { family = FILENAME ~ /6[.]rules$/ ? 6 : 4 }
/^### tuple ###/ { n++; F[n] = family; P[n] = ""; N[n] = ""; T[n] = substr($0, 15); at[family]++
  if (match(T[n], / comment=636f6f6b20[0-9a-f]*$/)) {
    h = substr(T[n], RSTART + 19); T[n] = substr(T[n], 1, RSTART - 1)
    while (h ~ /^3[0-9]/) { P[n] = P[n] substr(h, 2, 1); h = substr(h, 3) }
    N[n] = substr(h, 5) } }
/^-A / { L[n] = L[n] F[n] " " substr($0, 4) "\n" }
"""
_SHOW = r"""
END { bad = 0; for (i = 1; i <= n; i++) if (N[i] == name) { print "= " F[i] " " P[i] " " T[i]
    printf "%s", L[i]
    for (j = 1; j <= n; j++) if (F[j] == F[i] && P[j] != "") {
      if ((j < i && P[j] + 0 > P[i] + 0) || (j > i && N[j] == after && P[j] == P[i])) bad = 1 } }
  print "! " bad }
"""
# Before the first rule of cook of a higher position, or just behind the one that it follows.
_PLACE = r"""
END { for (i = 1; i <= n; i++) if (F[i] == family0) { k++; if (P[i] == "") continue
    if (!best && P[i] + 0 > p + 0) best = k
    if (after == "" && P[i] == p && !best) best = k
    if (after != "" && N[i] == after && P[i] == p) behind = k + 1 }
  if (behind) best = behind
  if (best && best <= k) print "insert " (best + (family0 == 6 ? at[4] : 0)) }
"""

_ASK: LiteralString = r"""
awk -v name={} -v after={} {} FILES | while read -r mark line; do case $mark in
4|6) t=iptables; [ $mark = 4 ] || t=ip6tables
printf '%s\n' "$line" | xargs $t -w -C 2>/dev/null || echo '- dead' ;;
*) echo "$mark $line" ;; esac; done
"""


@dataclass(frozen=True)
class UfwState:
    """A rule, in the words of ufw's own file."""

    rules: tuple[str, ...] = ()
    """Family, and the rule, sorted: they are of one action."""
    position: int = 50
    live: bool = True
    """The kernel has them all."""
    placed: bool = True
    """No rule that comes later stands before it."""
    after: str = hint(default="")


@provides(FirewallRule, when=lambda facts: facts.firewall_tool == "ufw")
class UfwProvider(Provider[FirewallRule, UfwState]):
    """Rules are known by their comment; the kernel is asked for each, ufw does not do that."""

    def probe(self, rule: FirewallRule) -> Probe:
        """Ask the files, and the kernel for the rules in them."""
        words = (_hex(rule.name), _hex(rule.after or ""), _TUPLES + _SHOW)
        ask = sh(_ASK.strip().replace("FILES", _FILES), *words)
        return Probe(replace(ask, called=f"look for the rule {rule.name} of ufw"))

    def parse(self, rule: FirewallRule, text: str) -> UfwState | None:
        """Return the rules; None without any."""
        lines = text.splitlines()
        found = [line.split(" ", 3) for line in lines if line.startswith("= ")]
        if not found:
            return None
        rules = [f"{family} {told.strip()}" for _, family, _, told in found]
        if any(len(one.split(" ")) != _FIELDS for one in rules):
            raise ValueError(f"no rules of cook: {rules}")
        return UfwState(
            tuple(sorted(rules)),
            int(found[0][2]),
            "- dead" not in lines,
            "! 0" in lines,
            rule.after or "",
        )

    def plan(self, rule: FirewallRule, found: UfwState | None) -> Change[UfwState]:
        """Compare the rules and their place."""
        if "delete" in rule.doing:
            return Change(found, None)
        wanted = UfwState(tuple(sorted(ufw_rules(rule))), rule.position, after=rule.after or "")
        return Change(found, wanted)

    def commands(self, name: str, change: Change[UfwState]) -> Iterator[Command]:
        """Remove the old rules, and insert the new ones at their place."""
        found, wanted = change.found or UfwState(), change.wanted
        fields = change.fields.keys()
        if wanted is None or fields & {"rules", "position", "placed"}:
            for rule in found.rules:
                route, words = _words(rule)
                yield sh("ufw {} delete {} >/dev/null", ["route"] * route, words)
            yield from _insert(name, wanted) if wanted is not None else ()
        if wanted is not None and "live" in fields and found.rules:
            yield sh("ufw reload >/dev/null")

    def about(self, rule: FirewallRule) -> Iterable[Thing]:
        """Yield the rule."""
        return [Thing("firewall_rule", rule.name)]

    def lockout_risk(self, name: str, change: Change[UfwState], way: AccessPath) -> Risk:
        """Return the risk: any rule may; one that drops the port of the login will."""
        rules = change.wanted.rules if change.wanted is not None else ()
        shuts = any(_is_about(rule, way.port, "deny|reject") for rule in rules)
        return "will" if shuts else "may"

    def back(self, name: str, change: Change[UfwState], now: UfwState | None) -> Change[UfwState]:
        """Return to the former rules."""
        before = change.found
        return Change(now, replace(before, live=True, placed=True) if before else None)


def _insert(name: str, wanted: UfwState) -> Iterator[Command]:
    for rule in wanted.rules:
        route, words = _words(rule)
        place = "awk -v family0={} -v p={} -v after={} {} FILES"
        at = sh(
            place.replace("FILES", _FILES),
            rule[0],
            str(wanted.position),
            _hex(wanted.after),
            _TUPLES + _PLACE,
        )
        add = sh(
            "ufw {} $({}) {} comment {} >/dev/null",
            ["route"] * route,
            at,
            words,
            f"cook {wanted.position}: {name}",
        )
        yield replace(add, shown=str(sh("ufw {} {}", ["route"] * route, words)))


def _hex(text: str) -> str:
    return text.encode().hex()


_FIELDS = 8
"""Family, action, protocol, port, receiver, source port, sender, interfaces."""

_ANY = {4: "0.0.0.0/0", 6: "::/0"}
_VERBS = {"allow": "allow", "deny": "deny", "reject": "reject"}


def ufw_rules(rule: FirewallRule) -> Iterator[str]:
    """Yield the rules as ufw's file has them: family, action, protocol, ports and addresses."""
    for wrong, what in (
        (rule.command == "log", "rules that only log"),
        (rule.protocol not in ("tcp", "udp", "none"), f"rules for the protocol {rule.protocol}"),
        (bool(rule.states), "states of connections"),
        (rule.limit is not None, "rates but its own"),
        (bool(rule.sets), "sets"),
    ):
        if wrong:
            raise HostError(
                f"{rule}: ufw, which is active on the host, has no {what}",
                hint="/etc/ufw/before.rules can, or `ufw disable` and the rules of cook itself",
            )
    action = rule.command + ("_log" if rule.logging else "")
    action = f"route:{action}" if rule.direction == "forward" else action
    protocol = "any" if rule.protocol == "none" else str(rule.protocol)
    for family in rule.families:
        for source, target in itertools.product(
            _networks(rule.sources, family), _networks(rule.destinations, family)
        ):
            words = [str(family), action, protocol, _ports(rule.ports), target]
            yield " ".join([*words, _ports(rule.source_ports), source, _interfaces(rule)])


def _networks(networks: Sequence[Network], family: int) -> list[str]:
    own = [n for n in networks if n.version == family]
    return [str(n.network_address if n.num_addresses == 1 else n) for n in own] or [_ANY[family]]


def _ports(ports: Ports) -> str:
    return ",".join(str(a) if a == b else f"{a}:{b}" for a, b in ports) or "any"


def _interfaces(rule: FirewallRule) -> str:
    if rule.direction == "out":
        return f"out_{rule.interface or rule.dest_interface or ''}".rstrip("_")
    words = [f"in_{rule.interface}"] if rule.interface is not None else []
    words += [f"out_{rule.dest_interface}"] if rule.dest_interface is not None else []
    return "!".join(words) or "in"


def _words(rule: str) -> tuple[bool, list[str]]:
    """Return whether a rule is one for packets that are passed on, and its words for ufw(8)."""
    _, action, protocol, port, target, source_port, source, interfaces = rule.split(" ")
    route, action = action.startswith("route:"), action.removeprefix("route:")
    words = [action.removesuffix("_log")]
    for part in interfaces.split("!"):
        direction, _, device = part.partition("_")
        words += [] if route and not device else [direction]
        words += ["on", device] if device else []
    words += ["log"] if action.endswith("_log") else []
    words += ["proto", protocol] if protocol != "any" else []
    words += ["from", source, *(["port", source_port] if source_port != "any" else [])]
    return route, [*words, "to", target, *(["port", port] if port != "any" else [])]


def _is_about(rule: str, port: int, verbs: str) -> bool:
    """Return whether a rule of these actions is about a TCP port of this host, from all senders."""
    family, action, protocol, ports, target, source_port, source, where = rule.split(" ")
    anywhere = (target, source_port, source, where) == (
        *(_ANY[int(family)], "any", _ANY[int(family)], "in"),
    )
    if not re.fullmatch(f"({verbs})(_log)?", action) or protocol != "tcp" or not anywhere:
        return False
    ranges = re.findall(r"(\d+)(?::(\d+))?", ports)
    return any(int(low) <= port <= int(high or low) for low, high in ranges)


# -- default policies --------------------------------------------------------------------------


@dataclass(frozen=True)
class UfwPolicyState:
    """The default policies of ufw."""

    input: str | None = None
    forward: str | None = None
    output: str | None = None
    live: bool = True
    """The kernel has them."""
    open: tuple[str, ...] = hint(default=())
    """The rules that let TCP in."""


_DEFAULTS: LiteralString = r"""
sed -n 's/^DEFAULT_\(INPUT\|FORWARD\|OUTPUT\)_POLICY="*\([A-Z]*\)"*$/\1 \2/p' /etc/default/ufw
for t in iptables ip6tables; do $t -w -S | sed -n "s/^-P \([A-Z]*\) \([A-Z]*\)/$t \1 \2/p"; done
"""
_OPEN = 'END { for (i = 1; i <= n; i++) print F[i] " " T[i] }'
_CHAINS = {"input": "incoming", "forward": "routed", "output": "outgoing"}
_VERDICTS = {"accept": "allow", "drop": "deny", "reject": "reject"}


@provides(Firewall, when=lambda facts: facts.firewall_tool == "ufw")
class UfwPolicies(Provider[Firewall, UfwPolicyState]):
    """Default policies, which ufw always has: they are set, and never removed."""

    owns = False

    def probe(self, firewall: Firewall) -> Sequence[Probe]:
        """Ask the file, the kernel, and for what lets the login in."""
        rules = sh(f"awk {{}} {_FILES}", _TUPLES + _OPEN)
        policies = replace(sh(_DEFAULTS.strip()), called="look at the policies of ufw")
        rules = replace(rules, called="look for rules of ufw that let in")
        return [Probe(policies), Probe(rules, loose=True)]

    def parse(self, firewall: Firewall, text: str, rules: str) -> UfwPolicyState:
        """Return the policies; in the kernel reject is a rule behind all others."""
        words = [line.split() for line in text.splitlines()]
        saved = {w[0].lower(): w[1].lower() for w in words if len(w) == 2}
        live = {(w[0], w[1].lower(), w[2].lower()) for w in words if len(w) == 3}
        same = all(
            (tool, chain, "drop" if verdict == "reject" else verdict) in live
            for tool in ("iptables", "ip6tables")
            for chain, verdict in saved.items()
        )
        to_us, through, from_us = (saved[chain] for chain in _CHAINS)
        opened = tuple(rules.splitlines())
        return UfwPolicyState(to_us, through, from_us, live=same, open=opened)

    def plan(self, firewall: Firewall, found: UfwPolicyState | None) -> Change[UfwPolicyState]:
        """Compare the policies; what would remove rules of others is refused."""
        if firewall.action != "create":
            raise HostError(
                f"ufw is active on the host, with rules of others: {firewall.action} is not done",
                hint="declare the rules with action='delete', or run `ufw disable`",
            )
        opened = [line for rule in firewall.neighbours for line in ufw_rules(rule)]
        now = found.open if found is not None else ()
        policies = (firewall.input, firewall.forward, firewall.output)
        return Change(found, UfwPolicyState(*policies, live=True, open=(*now, *opened)))

    def commands(self, name: str, change: Change[UfwPolicyState]) -> Iterator[Command]:
        """Set what differs."""
        for chain, (_, wanted) in change.fields.items():
            if chain in _CHAINS:
                yield sh("ufw default {} {} >/dev/null", _VERDICTS[wanted], _CHAINS[chain])
        if "live" in change.fields:
            yield sh("ufw reload >/dev/null")

    def about(self, firewall: Firewall) -> Iterable[Thing]:
        """Yield the packet filter."""
        return [Thing("firewall", "default")]

    def lockout_risk(self, name: str, change: Change[UfwPolicyState], way: AccessPath) -> Risk:
        """Return the risk: a policy will, if no rule lets the login in."""
        wanted = change.wanted
        if wanted is None or wanted.input in (None, "accept") or "input" not in change.fields:
            return "may"
        return "may" if any(_lets_in(rule, way.port) for rule in wanted.open) else "will"

    def lockout_hint(
        self, name: str, change: Change[UfwPolicyState], way: AccessPath
    ) -> str | None:
        """Name the rule that is missing."""
        return f'declare firewall_rule("ssh", port={way.port}) before it'


def _lets_in(rule: str, port: int) -> bool:
    """Return whether a rule lets a TCP port in, at least from some senders."""
    _, action, protocol, ports, *_, where = [*rule.split(" comment=", maxsplit=1)[0].split(" ")]
    if not re.match("(allow|limit)", action) or protocol == "udp" or not where.startswith("in"):
        return False
    ranges = re.findall(r"(\d+)(?::(\d+))?", ports)
    return ports == "any" or any(int(a) <= port <= int(b or a) for a, b in ranges)
