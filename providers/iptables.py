"""Firewall rules, by iptables(8) and ip6tables(8): separate chains `COOK-INPUT` and so on."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from typing import ClassVar, LiteralString

from cookbook.errors import HostError
from cookbook.provider import provides, sh
from cookbook.providers.default_policy import PolicyProvider
from cookbook.providers.firewall_boot import FOLDER, REMOVE_UNIT, install_unit
from cookbook.providers.iptables_words import (
    NAMES,
    NUMBERS,
    VERDICTS,
    addresses_of,
    interfaces_of,
    limit_of,
    protocol_of,
    states_of,
    targets_of,
    translation_of,
)
from cookbook.providers.packet_filter import PacketFilter, Verdict, closing_comment, comment
from cookbook.providers.packet_rules import NatProvider, RuleProvider
from cookbook.resources.firewall import Firewall
from cookbook.resources.firewall_nat import FirewallNat
from cookbook.resources.firewall_rule import FirewallRule, RuleVerdict

_CHAINS = {"in": "INPUT", "out": "OUTPUT", "forward": "FORWARD"}
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


def _frame_of_nat() -> Iterator[str]:
    """Yield the jumps to the chains of translation."""
    for family, chain in itertools.product("46", ("PREROUTING", "POSTROUTING")):
        yield f"{family}:{chain} -j COOK-{chain}"


_READER = r"""
function take(kind, l,  w) { if (l == "4" || l == "6") family = l
  else if (l ~ /^-A (COOK-)?(INPUT|OUTPUT|FORWARD|PREROUTING|POSTROUTING) / && l ~ /COOK-/) {
    split(l, w, " "); rec(kind, family ":" w[2], substr(l, length(w[2]) + 5)) } }
function saved(  f, l, file) { for (f = 4; f <= 6; f += 2) { take("save", f ""); file = "FILE" f
  while ((getline l < file) > 0) if (l !~ / -j COOK-/) take("save", l) } }
{ take("live", $0) }
""".replace("FILE", _FILE)

_WRITER = r"""
function write(  i, c, f, ch, nat, used) { split("INPUT OUTPUT FORWARD", ch, " ")
  for (i = 1; i <= m; i++) used[C[i]]
  split("PREROUTING POSTROUTING", nat, " ")
  for (f = 4; f <= 6; f += 2) { print f " *filter"
    for (c = 1; c <= 3; c++) print f " :COOK-" ch[c] " - [0:0]"
    for (c = 1; c <= 3; c++) { printf "%s", frame(f ":COOK-" ch[c])
      for (i = 1; i <= m; i++) if (C[i] == f ":COOK-" ch[c]) print f " -A COOK-" ch[c] " " T[i] }
    print f " COMMIT"
    for (c = 1; c <= 2; c++) if (f ":COOK-" nat[c] in used) {
      print f " *nat\n" f " :COOK-" nat[c] " - [0:0]"
      for (i = 1; i <= m; i++) if (C[i] == f ":COOK-" nat[c]) print f " -A COOK-" nat[c] " " T[i]
      print f " COMMIT" } } }
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
# The chains of translation are there only while they have rules.
_EACH_NAT: LiteralString = (
    "for t in iptables ip6tables; do for n in PREROUTING POSTROUTING; do"
    " case $t in iptables) v=4 ;; *) v=6 ;; esac; if {}; then"
    " $t -w -t nat -C $n -j COOK-$n 2>/dev/null || $t -w -t nat -I $n -j COOK-$n || exit;"
    ' elif $t-save | grep -q "^:COOK-$n "; then'
    " while $t -w -t nat -D $n -j COOK-$n 2>/dev/null; do :; done;"
    " $t -w -t nat -F COOK-$n && $t -w -t nat -X COOK-$n || exit; fi; done; done"
)
_NAT = sh(_EACH_NAT, sh('printf "%s\\n" "$new" | grep -q "^$v :COOK-$n "'))
_NAT_AT_BOOT = sh(_EACH_NAT, sh('grep -q "^:COOK-$n " {}$v', _FILE)).text
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
    f"/bin/sh -c '{_NAT_AT_BOOT}'".replace("$", "$$").replace('"', '\\"'),
]


class Iptables(PacketFilter):
    """Reads what `iptables-save` says, and restores each family in one transaction."""

    load = sh("c=$(echo 4; iptables-save && echo 6 && ip6tables-save) || exit\n")
    reader = _READER
    writer = _WRITER + _awk_frame()
    install = sh(
        "{}"
        'if [ -z "$new" ]; then {} {}; {}; rm -f -- {} {}; {}; exit; fi\n'
        "mkdir -p -m 755 {} && umask 077 && f={} &&"
        ' printf "%s\\n" "$new" | sed -n "s/^4 //p" >$f\\4.new &&'
        ' printf "%s\\n" "$new" | sed -n "s/^6 //p" >$f\\6.new &&'
        " iptables-restore --noflush --test <$f\\4.new &&"
        " ip6tables-restore --noflush --test <$f\\6.new &&"
        " iptables-restore --noflush --wait <$f\\4.new &&"
        " ip6tables-restore --noflush --wait <$f\\6.new || exit\n"
        "{} {}\n{}\n"
        "sync $f\\4.new $f\\6.new && mv -f -- $f\\4.new $f\\4 && mv -f -- $f\\6.new $f\\6 && {}",
        sh(_TURN.lstrip(), _PATIENCE),
        sh(_EACH),
        sh(_UNDO),
        _NAT,
        f"{_FILE}4",
        f"{_FILE}6",
        REMOVE_UNIT,
        FOLDER,
        _FILE,
        sh(_EACH),
        sh(_LEAD),
        _NAT,
        install_unit(_LOADS),
    )
    frame: ClassVar[Mapping[str, str]] = {line: re.escape(line) for line in _frame()}
    frame_of_nat: ClassVar[Mapping[str, str]] = {line: re.escape(line) for line in _frame_of_nat()}

    def lines(self, rule: FirewallRule) -> Iterator[str]:
        """Yield a line for each family, pair of addresses, and group of ports."""
        if rule.sets:
            raise HostError(
                f"{rule}: iptables(8) has no sets of its own: @{rule.sets[0]}",
                hint="install nftables on the host, or declare the elements",
            )
        for family in rule.families:
            for parts in itertools.product(
                addresses_of("-s", rule.sources, family),
                addresses_of("-d", rule.destinations, family),
                protocol_of(rule),
            ):
                for target in targets_of(rule, family):
                    words = [
                        f"{family}:COOK-{_CHAINS[rule.direction]}",
                        parts[0],
                        parts[1],
                        interfaces_of(rule),
                        parts[2],
                        states_of(rule),
                        limit_of(rule),
                        f'-m comment --comment "{comment(rule)}"',
                        f"-j {target}" if target else "",
                    ]
                    yield " ".join(filter(None, words))

    def translations(self, rule: FirewallNat, prefix: str) -> Iterator[str]:
        """Yield a line for each family, pair of addresses, and group of ports."""
        for family in rule.families:
            for parts in itertools.product(
                addresses_of("-s", rule.sources, family),
                addresses_of("-d", rule.destinations, family),
                protocol_of(rule),
            ):
                words = [
                    f"{family}:COOK-{'PREROUTING' if rule.incoming else 'POSTROUTING'}",
                    parts[0],
                    parts[1],
                    interfaces_of(rule),
                    parts[2],
                    f'-m comment --comment "{comment(rule, prefix)}"',
                    f"-j {translation_of(rule)}",
                ]
                yield " ".join(filter(None, words))

    def closing(self, direction: str, verdict: Verdict) -> Iterator[str]:
        """Yield the last rule for each family: a chain of one's own has no policy."""
        for family in (4, 6) if verdict != "accept" else ():
            command: RuleVerdict = "deny" if verdict == "drop" else "reject"
            yield (
                f'{family}:COOK-{_CHAINS[direction]} -m comment --comment "{closing_comment()}"'
                f" -j {VERDICTS[command, family]}"
            )

    def canonical(self, line: str) -> str:
        """Protocols by number, but for four."""
        return re.sub(
            r" -p ([a-z0-9-]+)", lambda m: f" -p {NUMBERS.get(m[1], NAMES.get(m[1], m[1]))}", line
        )


IPTABLES = Iptables()


@provides(FirewallRule, when=lambda facts: facts.firewall_tool == "iptables")
class IptablesProvider(RuleProvider):
    """Rules, by iptables(8)."""

    filter = IPTABLES


@provides(FirewallNat, when=lambda facts: facts.firewall_tool == "iptables")
class IptablesNat(NatProvider):
    """Rules of translation, by iptables(8)."""

    filter = IPTABLES


@provides(Firewall, when=lambda facts: facts.firewall_tool == "iptables")
class IptablesPolicies(PolicyProvider):
    """Policies of chains, by iptables(8)."""

    filter = IPTABLES
