"""Firewall rules, by iptables(8) and ip6tables(8): separate chains `COOK-INPUT` and so on."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, LiteralString

from cookbook.provider import provides, sh
from cookbook.providers.default_policy import PolicyProvider
from cookbook.providers.firewall_boot import FOLDER, REMOVE_UNIT, install_unit
from cookbook.providers.packet_filter import PacketFilter, Verdict, closing_comment, comment
from cookbook.providers.packet_rules import RuleProvider
from cookbook.resources.firewall import Firewall
from cookbook.resources.firewall_rule import FirewallRule, Network, Ports, RuleVerdict

_CHAINS = {"in": "INPUT", "out": "OUTPUT", "forward": "FORWARD"}
_VERDICTS = {
    ("allow", 4): "ACCEPT",
    ("allow", 6): "ACCEPT",
    ("deny", 4): "DROP",
    ("deny", 6): "DROP",
    ("reject", 4): "REJECT --reject-with icmp-port-unreachable",
    ("reject", 6): "REJECT --reject-with icmp6-port-unreachable",
}
# In the order in which iptables-save(8) lists them.
_STATES = ("INVALID", "NEW", "RELATED", "ESTABLISHED", "UNTRACKED")

# iptables-save(8) has names for numbers, some hosts have no /etc/protocols: these four every
# iptables knows by name, the others are said by number.
_NUMBERS = {"6": "tcp", "17": "udp", "1": "icmp", "58": "ipv6-icmp"}
_NAMES = {
    "igmp": "2",
    "ipencap": "4",
    "dccp": "33",
    "ipv6": "41",
    "gre": "47",
    "esp": "50",
    "ipv6-esp": "50",
    "ah": "51",
    "ipv6-ah": "51",
    "icmpv6": "ipv6-icmp",
    "ospf": "89",
    "ipip": "94",
    "pim": "103",
    "vrrp": "112",
    "l2tp": "115",
    "sctp": "132",
    "mh": "135",
    "ipv6-mh": "135",
    "udplite": "136",
}

_MOST_PORTS = 15  # of the match multiport, where a range counts as two
_MOST_PREFIX = 29  # of the target LOG

_FILE = f"{FOLDER}/firewall.v"


def _frame() -> Iterator[str]:
    """Yield the fixed rules of each chain, and the jumps to the chains."""
    for family, chain in itertools.product("46", _CHAINS.values()):
        yield f"{family}:{chain} -j COOK-{chain}"
        own = f"{family}:COOK-{chain}"
        yield f"{own} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"
        if chain != "FORWARD":
            yield f"{own} {'-i' if chain == 'INPUT' else '-o'} lo -j ACCEPT"
            for type_ in range(133, 137) if family == "6" else ():  # neighbour discovery
                yield f"{own} -p ipv6-icmp -m icmp6 --icmpv6-type {type_} -j ACCEPT"


_READER = r"""
function take(kind, l,  w) { if (l == "4" || l == "6") family = l
  else if (l ~ /^-A (COOK-)?(INPUT|OUTPUT|FORWARD) / && l ~ /COOK-/) {
    split(l, w, " "); rec(kind, family ":" w[2], substr(l, length(w[2]) + 5)) } }
function saved(  f, l, file) { for (f = 4; f <= 6; f += 2) { take("save", f ""); file = "FILE" f
  while ((getline l < file) > 0) if (l !~ / -j COOK-/) take("save", l) } }
{ take("live", $0) }
""".replace("FILE", _FILE)

_WRITER = r"""
function write(  i, c, f, ch) { split("INPUT OUTPUT FORWARD", ch, " ")
  for (f = 4; f <= 6; f += 2) { print f " *filter"
    for (c = 1; c <= 3; c++) print f " :COOK-" ch[c] " - [0:0]"
    for (c = 1; c <= 3; c++) { printf "%s", frame(f ":COOK-" ch[c])
      for (i = 1; i <= m; i++) if (C[i] == f ":COOK-" ch[c]) print f " -A COOK-" ch[c] " " T[i] }
    print f " COMMIT" } }
"""


def _awk_frame() -> str:
    """Return the fixed rules as an awk(1) function, which prints the lines of a chain."""
    body = ""
    for family, chain in itertools.product("46", _CHAINS.values()):
        own = f"{family}:COOK-{chain}"
        lines = [line.partition(" ")[2] for line in _frame() if line.startswith(f"{own} ")]
        text = "".join(f"{family} -A COOK-{chain} {line}\\n" for line in lines)
        body += f'if (c == "{own}") return "{text}"\n'
    return f"function frame(c) {{ {body} }}\n"


_EACH = "for t in iptables ip6tables; do for c in INPUT OUTPUT FORWARD; do"
_LEAD = "$t -w -C $c -j COOK-$c 2>/dev/null || $t -w -I $c -j COOK-$c || exit; done; done"
_UNDO = (
    "while $t -w -D $c -j COOK-$c 2>/dev/null; do :; done;"
    " ! $t -w -F COOK-$c 2>/dev/null || $t -w -X COOK-$c || exit; done; done"
)
# Changes of the rules exclude each other by a lock. A process with its file open holds it, or waits
# for it; the wait is shorter than the time of the auto-rollback.
_TURN: LiteralString = r"""
iptables -w {} -n -L INPUT >/dev/null || { s=$?; for fd in /proc/[0-9]*/fd/*; do
if [ "$fd" -ef /run/xtables.lock ]; then p=${fd#/proc/}; p=${p%%/*}
echo "the xtables lock is held by process $p: $(tr '\0' ' ' <"/proc/$p/cmdline")" >&2; fi; done
exit $s; }
"""
_PATIENCE = 20
"""Seconds to wait for that lock."""

_LOADS = [
    f"/bin/sh -c 'exec iptables-restore --noflush --wait <{_FILE}4'",
    f"/bin/sh -c 'exec ip6tables-restore --noflush --wait <{_FILE}6'",
    f"/bin/sh -c '{_EACH} {_LEAD}'".replace("$", "$$"),  # systemd.service(5)
]


class Iptables(PacketFilter):
    """Reads what `iptables-save` says, and restores each family in one transaction."""

    load = sh(
        "c=$(echo 4; iptables-save -t filter && echo 6 && ip6tables-save -t filter) || exit\n"
    )
    reader = _READER
    writer = _WRITER + _awk_frame()
    install = sh(
        "{}"
        'if [ -z "$new" ]; then {} {}; rm -f -- {} {}; {}; exit; fi\n'
        "mkdir -p -m 755 {} && umask 077 && f={} &&"
        ' printf "%s\\n" "$new" | sed -n "s/^4 //p" >$f\\4.new &&'
        ' printf "%s\\n" "$new" | sed -n "s/^6 //p" >$f\\6.new &&'
        " iptables-restore --noflush --test <$f\\4.new &&"
        " ip6tables-restore --noflush --test <$f\\6.new &&"
        " iptables-restore --noflush --wait <$f\\4.new &&"
        " ip6tables-restore --noflush --wait <$f\\6.new || exit\n"
        "{} {}\n"
        "sync $f\\4.new $f\\6.new && mv -f -- $f\\4.new $f\\4 && mv -f -- $f\\6.new $f\\6 && {}",
        sh(_TURN.lstrip(), _PATIENCE),
        sh(_EACH),
        sh(_UNDO),
        f"{_FILE}4",
        f"{_FILE}6",
        REMOVE_UNIT,
        FOLDER,
        _FILE,
        sh(_EACH),
        sh(_LEAD),
        install_unit(_LOADS),
    )
    frame: ClassVar[Mapping[str, str]] = {line: re.escape(line) for line in _frame()}

    def lines(self, rule: FirewallRule) -> Iterator[str]:
        """Yield a line for each family, pair of addresses, and group of ports."""
        for family in rule.families:
            for parts in itertools.product(
                _addresses("-s", rule.sources, family),
                _addresses("-d", rule.destinations, family),
                _protocol(rule),
            ):
                for target in _targets(rule, family):
                    words = [
                        f"{family}:COOK-{_CHAINS[rule.direction]}",
                        parts[0],
                        parts[1],
                        _interfaces(rule),
                        parts[2],
                        _states(rule),
                        f'-m comment --comment "{comment(rule)}"',
                        f"-j {target}" if target else "",
                    ]
                    yield " ".join(filter(None, words))

    def closing(self, direction: str, verdict: Verdict) -> Iterator[str]:
        """Yield the last rule for each family: a chain of one's own has no policy."""
        for family in (4, 6) if verdict != "accept" else ():
            command: RuleVerdict = "deny" if verdict == "drop" else "reject"
            yield (
                f'{family}:COOK-{_CHAINS[direction]} -m comment --comment "{closing_comment()}"'
                f" -j {_VERDICTS[command, family]}"
            )

    def canonical(self, line: str) -> str:
        """Protocols by number, but for four."""
        return re.sub(
            r" -p ([a-z0-9-]+)", lambda m: f" -p {_NUMBERS.get(m[1], _NAMES.get(m[1], m[1]))}", line
        )


IPTABLES = Iptables()


@provides(FirewallRule, when=lambda facts: facts.firewall_tool == "iptables")
class IptablesProvider(RuleProvider):
    """Rules, by iptables(8)."""

    filter = IPTABLES


@provides(Firewall, when=lambda facts: facts.firewall_tool == "iptables")
class IptablesPolicies(PolicyProvider):
    """Policies of chains, by iptables(8)."""

    filter = IPTABLES


def _addresses(flag: str, networks: tuple[Network, ...], family: int) -> list[str]:
    own = [n for n in networks if n.version == family]
    return [f"{flag} {n}" if n.prefixlen else "" for n in own] or [""]


def _interfaces(rule: FirewallRule) -> str:
    words = []
    if rule.interface is not None:
        words.append(f"{'-o' if rule.direction == 'out' else '-i'} {rule.interface}")
    if rule.dest_interface is not None:
        words.append(f"-o {rule.dest_interface}")
    return " ".join(words)


def _states(rule: FirewallRule) -> str:
    states = [state for state in _STATES if state.lower() in rule.states]
    return f"-m conntrack --ctstate {','.join(states)}" if states else ""


def _protocol(rule: FirewallRule) -> list[str]:
    """With its ports; those that do not fit into one match go into the next line."""
    if rule.protocol == "none":
        return [""]
    name = _NUMBERS.get(str(rule.protocol), str(rule.protocol))
    if len(rule.ports) <= 1 and len(rule.source_ports) <= 1:
        sides = [("--sport", rule.source_ports), ("--dport", rule.ports)]
        words = [f"{flag} {_ranges(ports)}" for flag, ports in sides if ports]
        return [" ".join([f"-p {name}", *([f"-m {name}", *words] if words else [])])]
    sources = [f" -m multiport --sports {_ranges(p)}" for p in _portions(rule.source_ports)] or [""]
    ports = [f" -m multiport --dports {_ranges(p)}" for p in _portions(rule.ports)] or [""]
    return [f"-p {name}{source}{port}" for source in sources for port in ports]


def _ranges(ports: Sequence[tuple[int, int]]) -> str:
    return ",".join(str(low) if low == high else f"{low}:{high}" for low, high in ports)


def _portions(ports: Ports) -> Iterator[list[tuple[int, int]]]:
    portion: list[tuple[int, int]] = []
    room = _MOST_PORTS
    for low, high in ports:
        size = 1 if low == high else 2
        if size > room:
            yield portion
            portion, room = [], _MOST_PORTS
        portion.append((low, high))
        room -= size
    if portion:
        yield portion


def _targets(rule: FirewallRule, family: int) -> Iterator[str]:
    if rule.logging or rule.command == "log":
        prefix = f"cook {rule.name}"[: _MOST_PREFIX - 2]
        yield f'LOG --log-prefix "{prefix}: "'
    if rule.command != "log":
        yield _VERDICTS[rule.command, family]
