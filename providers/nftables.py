"""Firewall rules, by nft(8): a separate table `inet cook`."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import ClassVar, NamedTuple

from cookbook.provider import Command, Thing, provides, sh
from cookbook.providers.default_policy import PolicyProvider
from cookbook.providers.firewall_boot import FOLDER, REMOVE_UNIT, install_unit
from cookbook.providers.packet_filter import PacketFilter, Verdict, closing_comment, comment
from cookbook.providers.packet_rules import NatProvider, RuleProvider
from cookbook.resources._packets import Network, Ports, set_named
from cookbook.resources.firewall import Firewall
from cookbook.resources.firewall_nat import FirewallNat
from cookbook.resources.firewall_rule import FirewallRule

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


def _frame_of_nat() -> Iterator[tuple[str, str]]:
    """Yield the fixed rules of the chains of translation, likewise."""
    for chain, priority, name in (
        ("prerouting", -100, "dstnat"),
        ("postrouting", 100, "srcnat"),
    ):
        hook = f"{chain} type nat hook {chain} priority"
        yield f"{hook} {priority}; policy accept;", rf"{hook} ({priority}|{name}); policy accept;"


_FRAME = dict(_frame())
_FRAME_OF_NAT = dict(_frame_of_nat())

# A set is one record: its lines with `; ` between them. Its elements take several lines.
_READER = r"""
function take(kind, l) { sub(/^[ \t]+/, "", l)
  if (l ~ /^set /) { split(l, w, " "); chain = "@" w[2]; set = ""; in_set = 1 }
  else if (in_set && l == "}") { in_set = 0; rec(kind, chain, set) }
  else if (in_set) set = set (set == "" ? "" : l ~ /^[a-z-]+ [a-z=]/ ? "; " : " ") l
  else if (l ~ /^chain /) { split(l, w, " "); chain = w[2] }
  else if (l != "" && l != "}" && l !~ /^(table|delete) /) rec(kind, chain, l) }
function saved(  l) { while ((getline l < "FILE") > 0) take("save", l) }
{ take("live", $0) }
""".replace("FILE", _FILE)

# Sets are written by their names: nft(8) lists them in another order than they were loaded.
_WRITER = r"""
function first_set(  i, at) { at = 0
  for (i = 1; i <= m; i++) if (C[i] ~ /^@/ && (!at || C[i] < C[at])) at = i
  return at }
function write(  i, c, ch, t) { split("input output forward prerouting postrouting", ch, " ")
  print "table inet cook\ndelete table inet cook\ntable inet cook {"
  for (i = 1; i <= m; i++) used[C[i]]
  for (; i = first_set(); C[i] = "") { t = T[i]; gsub(/; /, "\n\t\t", t)
    print "\tset " substr(C[i], 2) " {\n\t\t" t "\n\t}" }
  for (c = 1; c <= 5; c++) if (c <= 3 || ch[c] in used) {
    print "\tchain " ch[c] " {"; print frame(ch[c])
    for (i = 1; i <= m; i++) if (C[i] == ch[c]) print "\t\t" T[i]
    print "\t}" }
  print "}" }
"""


def _awk_frame() -> str:
    """Return the fixed rules as an awk(1) function, which prints the lines of a chain."""
    body = ""
    fixed = (*_FRAME, *_FRAME_OF_NAT)
    for chain in (*_CHAINS.values(), "prerouting", "postrouting"):
        lines = [line.partition(" ")[2] for line in fixed if line.startswith(f"{chain} ")]
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
    # After `nft flush` all that was saved comes back with the first rule that is repaired.
    base = sh(
        "b=$c; case $c in *'comment \"cook '*) ;; *) [ ! -s {} ] || b=$(cat {});; esac\n",
        _FILE,
        _FILE,
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
    frame_of_nat: ClassVar[Mapping[str, str]] = _FRAME_OF_NAT

    def lines(self, rule: FirewallRule) -> Iterator[str]:
        """One line, or one for each version of IP where there are addresses."""
        named = {set_named(rule.source), set_named(rule.destination)} - {None}
        families = rule.families if rule.sources or rule.destinations or named else (0,)
        for family in families:
            words = [
                _CHAINS[rule.direction],
                *_addresses("saddr", rule.sources or set_named(rule.source), family),
                *_addresses("daddr", rule.destinations or set_named(rule.destination), family),
                *_interfaces(rule.interface, rule.dest_interface, out=rule.direction == "out"),
                *_states(rule),
                *_protocol(rule),
                *_limit(rule),
                *([f'log prefix "cook {rule.name}: "'] if _logs(rule) else []),
                _VERDICTS[rule.command],
                f'comment "{comment(rule)}"',
            ]
            yield " ".join(filter(None, words))

    def translations(self, rule: FirewallNat, prefix: str) -> Iterator[str]:
        """Yield a line for each version of IP that has to be told apart."""
        addressed = bool(rule.sources or rule.destinations)
        for family in rule.families if addressed or len(rule.families) == 1 else (0,):
            words = [
                "prerouting" if rule.incoming else "postrouting",
                *([f"meta nfproto ipv{family}"] if family and not addressed else []),
                *_addresses("saddr", rule.sources, family),
                *_addresses("daddr", rule.destinations, family),
                *_interfaces(rule.interface, rule.dest_interface, out=False),
                *_protocol(rule),
                _target(rule),
                f'comment "{comment(rule, prefix)}"',
            ]
            yield " ".join(words)

    def closing(self, direction: str, verdict: Verdict) -> Iterator[str]:
        """Yield the last rule: the chain itself accepts, so that a flush closes nothing."""
        if verdict != "accept":
            yield f'{_CHAINS[direction]} {verdict} comment "{closing_comment()}"'

    def canonical(self, line: str) -> str:
        """Return the line with sets in a fixed order, and without the default of reject."""
        if line.startswith("@"):
            return line
        line = line.replace(" burst 5 packets", "")
        line = re.sub(r"reject with icmp(v6|x)?( type)? port-unreachable", "reject", line)
        return re.sub(r"\{ ([^}]*) \}", lambda m: _set(m[1].split(", ")), line)


NFTABLES = Nftables()


class ListedLine(NamedTuple):
    """A line of a chain, as `nft list` prints it, without what has been counted."""

    table: str
    chain: str
    text: str


def listed_lines(text: str) -> Iterator[ListedLine]:
    """Yield the lines of the chains in a ruleset: their heads, and their rules."""
    table = chain = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("table "):
            table, chain = line.removeprefix("table ").removesuffix(" {"), ""
        elif line.startswith("chain "):
            chain = line.removeprefix("chain ").removesuffix(" {")
        elif line == "}":
            chain = ""
        elif chain and line:
            counted = re.sub(r" counter packets \d+ bytes \d+", "", line)
            yield ListedLine(table, chain, counted)


@provides(FirewallRule, when=lambda facts: facts.firewall_tool == "nftables")
class NftablesProvider(RuleProvider):
    """Rules, by nft(8)."""

    filter = NFTABLES

    def everything(self) -> Command:
        """Ask for the rules of all tables, also of those that iptables(8) writes."""
        return sh("nft list ruleset")

    def unmanaged(self, text: str, declared: Sequence[FirewallRule]) -> Iterable[tuple[str, Thing]]:
        """Yield the rules in tables of others, such as those of Docker or fail2ban."""
        for table, chain, line in listed_lines(text):
            if table != "inet cook" and not line.startswith(("type ", "policy ")):
                rule = f"{table} {chain}: {line}"
                yield rule, Thing("rule", rule)


@provides(FirewallNat, when=lambda facts: facts.firewall_tool == "nftables")
class NftablesNat(NatProvider):
    """Rules of translation, by nft(8)."""

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


def _addresses(side: str, networks: tuple[Network, ...] | str | None, family: int) -> Iterator[str]:
    """Yield the match of addresses, or of a set by its name."""
    version = "ip" if family == 4 else "ip6"
    if isinstance(networks, str):
        yield f"{version} {side} @{networks}.v{family}"
        return
    own = [network for network in networks or () if network.version == family]
    if own:
        texts = [str(n.network_address if n.num_addresses == 1 else n) for n in own]
        yield f"{version} {side} {_set(texts)}"


def _interfaces(incoming: str | None, outgoing: str | None, *, out: bool) -> Iterator[str]:
    if incoming is not None:
        yield f'{"oifname" if out else "iifname"} "{incoming}"'
    if outgoing is not None:
        yield f'oifname "{outgoing}"'


def _states(rule: FirewallRule) -> Iterator[str]:
    if rule.states:
        yield f"ct state {_set(list(rule.states))}"


def _protocol(rule: FirewallRule | FirewallNat) -> Iterator[str]:
    if rule.protocol == "none":
        return
    source_ports = rule.source_ports if isinstance(rule, FirewallRule) else ()
    port_set = rule.port_set if isinstance(rule, FirewallRule) else None
    if not rule.ports and not source_ports and port_set is None:
        number = _NUMBERS.get(str(rule.protocol), str(rule.protocol))
        yield f"meta l4proto {number}"
    for side, ports in (("sport", source_ports), ("dport", rule.ports)):
        if ports:
            yield f"{rule.protocol} {side} {_set(_ranges(ports))}"
    if port_set is not None:
        yield f"{rule.protocol} dport @{port_set}.port"


def _limit(rule: FirewallRule) -> Iterator[str]:
    if rule.limit is not None:
        yield f"limit rate {rule.limit}"
        if rule.burst != 5:
            yield f"burst {rule.burst} packets"


def _target(rule: FirewallNat) -> str:
    if rule.to_address is None:
        return "masquerade" if rule.command == "masquerade" else f"redirect to :{rule.to_port}"
    version, address = (
        ("ip6", rule.to_address) if ":" in rule.to_address else ("ip", rule.to_address)
    )
    text = str(ipaddress.ip_address(address))
    if rule.to_port is not None:
        text = f"[{text}]:{rule.to_port}" if version == "ip6" else f"{text}:{rule.to_port}"
    return f"{rule.command} {version} to {text}"


def _ranges(ports: Ports) -> list[str]:
    return [str(low) if low == high else f"{low}-{high}" for low, high in ports]
