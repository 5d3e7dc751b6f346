"""Firewall rules, by nft(8): a separate table `inet cook`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import ClassVar

from cookbook.provider import provides, sh
from cookbook.providers.default_policy import PolicyProvider
from cookbook.providers.firewall_boot import FOLDER, REMOVE_UNIT, install_unit
from cookbook.providers.packet_filter import PacketFilter, Verdict, closing_comment, comment
from cookbook.providers.packet_rules import RuleProvider
from cookbook.resources.firewall import Firewall
from cookbook.resources.firewall_rule import FirewallRule, Network, Ports

_CHAINS = {"in": "input", "out": "output", "forward": "forward"}
_VERDICTS = {"allow": "accept", "deny": "drop", "reject": "reject", "log": ""}
_NUMBERS = {"tcp": "6", "udp": "17", "icmp": "1", "ipv6-icmp": "58"}
# In the order of their bits, as nft(8) lists them.
_STATES = ("invalid", "established", "related", "new", "untracked")

_FILE = f"{FOLDER}/firewall.nft"

_NEIGHBOURS = "nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert"


def _frame() -> Iterator[tuple[str, str]]:
    """
    Yield the fixed rules of each chain, with a pattern for the output of nft(8).

    Priority -10 comes before the usual filters: packets that they drop are dropped nevertheless.
    """
    for chain, loopback in (("input", "iifname"), ("output", "oifname"), ("forward", "")):
        hook = f"type filter hook {chain} priority"
        yield (
            f"{chain} {hook} -10; policy accept;",
            rf"{chain} {hook} (-10|filter - 10); policy accept;",
        )
        replies = "ct state established,related accept"
        yield f"{chain} {replies}", rf"{chain} ct state {{? ?established, ?related ?}}? ?accept"
        if loopback:
            line = f'{chain} {loopback} "lo" accept'
            yield line, re.escape(line)
            line = f"{chain} icmpv6 type {{ {_NEIGHBOURS} }} accept"
            yield line, re.escape(line)


_FRAME = dict(_frame())

_READER = r"""
function take(kind, l) { sub(/^[ \t]+/, "", l)
  if (l ~ /^chain /) { split(l, w, " "); chain = w[2] }
  else if (l != "" && l != "}" && l !~ /^(table|delete) /) rec(kind, chain, l) }
function saved(  l) { while ((getline l < "FILE") > 0) take("save", l) }
{ take("live", $0) }
""".replace("FILE", _FILE)

_WRITER = r"""
function write(  i, c, ch) { split("input output forward", ch, " ")
  print "table inet cook\ndelete table inet cook\ntable inet cook {"
  for (c = 1; c <= 3; c++) { print "\tchain " ch[c] " {"; print frame(ch[c])
    for (i = 1; i <= m; i++) if (C[i] == ch[c]) print "\t\t" T[i]
    print "\t}" }
  print "}" }
"""


def _awk_frame() -> str:
    """Return the fixed rules as an awk(1) function, which prints the lines of a chain."""
    body = ""
    for chain in _CHAINS.values():
        lines = [line.partition(" ")[2] for line in _FRAME if line.startswith(f"{chain} ")]
        text = r"\n".join("\\t\\t" + line.replace('"', r"\"") for line in lines)
        body += f'if (c == "{chain}") return "{text}"\n'
    return f"function frame(c) {{ {body} }}\n"


class Nftables(PacketFilter):
    """Reads what `nft list` says, and loads a file in one transaction."""

    # nft(8) has the same status for every trouble, so its words decide.
    load = sh(
        "c=$(nft -p list table inet cook 2>/dev/null) || { s=$?;"
        " e=$(nft -p list table inet cook 2>&1);"
        ' case $e in *"No such file or directory"*) c=;; *) echo "$e" >&2; exit $s;; esac; }\n'
    )
    reader = _READER
    writer = _WRITER + _awk_frame()
    install = sh(
        'if [ -z "$new" ]; then if [ "$c" ]; then nft delete table inet cook || exit; fi;'
        " rm -f -- {}; {}; exit; fi\n"
        'mkdir -p -m 755 {} && (umask 077; printf "%s\\n" "$new" >{}) && nft -f {} &&'
        " sync {} && mv -f -- {} {} && {}",
        _FILE,
        REMOVE_UNIT,
        FOLDER,
        f"{_FILE}.new",
        f"{_FILE}.new",
        f"{_FILE}.new",
        f"{_FILE}.new",
        _FILE,
        install_unit([f"/bin/sh -c 'exec nft -f {_FILE}'"]),
    )
    frame: ClassVar[Mapping[str, str]] = _FRAME

    def lines(self, rule: FirewallRule) -> Iterator[str]:
        """One line, or one for each version of IP where there are addresses."""
        families = rule.families if rule.sources or rule.destinations else (0,)
        for family in families:
            words = [
                _CHAINS[rule.direction],
                *_addresses("saddr", rule.sources, family),
                *_addresses("daddr", rule.destinations, family),
                *_interfaces(rule),
                *_states(rule),
                *_protocol(rule),
                *([f'log prefix "cook {rule.name}: "'] if _logs(rule) else []),
                _VERDICTS[rule.command],
                f'comment "{comment(rule)}"',
            ]
            yield " ".join(filter(None, words))

    def closing(self, direction: str, verdict: Verdict) -> Iterator[str]:
        """Yield the last rule: the chain itself accepts, so that a flush closes nothing."""
        if verdict != "accept":
            yield f'{_CHAINS[direction]} {verdict} comment "{closing_comment()}"'

    def canonical(self, line: str) -> str:
        """Return the line with sets in a fixed order, and without the default of reject."""
        line = re.sub(r"reject with icmp(v6|x)?( type)? port-unreachable", "reject", line)
        return re.sub(r"\{ ([^}]*) \}", lambda m: _set(m[1].split(", ")), line)


NFTABLES = Nftables()


@provides(FirewallRule, when=lambda facts: facts.firewall_tool == "nftables")
class NftablesProvider(RuleProvider):
    """Rules, by nft(8)."""

    filter = NFTABLES


@provides(Firewall, when=lambda facts: facts.firewall_tool == "nftables")
class NftablesPolicies(PolicyProvider):
    """Policies of chains, by nft(8)."""

    filter = NFTABLES


def _logs(rule: FirewallRule) -> bool:
    return rule.logging or rule.command == "log"


def _set(items: list[str]) -> str:
    """Return a set as nft(8) writes it, in a fixed order."""
    if set(items) <= set(_STATES):
        return ",".join(sorted(items, key=_STATES.index))
    return items[0] if len(items) == 1 else f"{{ {', '.join(sorted(items, key=_by_number))} }}"


def _by_number(item: str) -> list[tuple[int, str]]:
    return [(int(p) if p.isdigit() else -1, p) for p in re.findall(r"\d+|\D+", item)]


def _addresses(side: str, networks: tuple[Network, ...], family: int) -> Iterator[str]:
    own = [network for network in networks if network.version == family]
    if own:
        texts = [str(n.network_address if n.num_addresses == 1 else n) for n in own]
        yield f"{'ip' if family == 4 else 'ip6'} {side} {_set(texts)}"


def _interfaces(rule: FirewallRule) -> Iterator[str]:
    if rule.interface is not None:
        yield f'{"oifname" if rule.direction == "out" else "iifname"} "{rule.interface}"'
    if rule.dest_interface is not None:
        yield f'oifname "{rule.dest_interface}"'


def _states(rule: FirewallRule) -> Iterator[str]:
    if rule.states:
        yield f"ct state {_set(list(rule.states))}"


def _protocol(rule: FirewallRule) -> Iterator[str]:
    if rule.protocol == "none":
        return
    if not rule.ports and not rule.source_ports:
        number = _NUMBERS.get(str(rule.protocol), str(rule.protocol))
        yield f"meta l4proto {number}"
    for side, ports in (("sport", rule.source_ports), ("dport", rule.ports)):
        if ports:
            yield f"{rule.protocol} {side} {_set(_ranges(ports))}"


def _ranges(ports: Ports) -> list[str]:
    return [str(low) if low == high else f"{low}-{high}" for low, high in ports]
