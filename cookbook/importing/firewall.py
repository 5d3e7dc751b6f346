"""Rules of the packet filter: those that cook has made as resources, those of others by name."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from cookbook.errors import RecipeError
from cookbook.importing.declaration import Declaration, HostItem, LeftOut
from cookbook.importing.questions import Seen
from cookbook.providers.nftables import NFTABLES, ListedLine, listed_lines
from cookbook.providers.packet_filter import POLICY
from cookbook.resources.firewall_rule import FirewallRule

_OWN = "inet cook"
_FILES = ("/etc/nftables.conf", "/etc/ufw/user.rules", "/etc/iptables/rules.v4")
_SHOWN = 40
"""Rules of others that are named."""

_DIRECTIONS = {"input": "in", "output": "out", "forward": "forward"}
_COMMANDS = {"accept": "allow", "drop": "deny", "reject": "reject"}
_PROTOCOLS = {"6": "tcp", "17": "udp", "1": "icmp", "58": "ipv6-icmp"}

_ITEMS = r"\{ [^}]* \}|[^\s{}]+"
_RULE = re.compile(
    rf"(?:ip6? saddr (?P<source>{_ITEMS}) )?"
    rf"(?:ip6? daddr (?P<destination>{_ITEMS}) )?"
    r'(?:iifname "(?P<incoming>[^"]+)" )?'
    r'(?:oifname "(?P<outgoing>[^"]+)" )?'
    r"(?:ct state (?P<states>\S+) )?"
    r"(?:meta l4proto (?P<number>\d+) )?"
    rf"(?:(?P<from>tcp|udp) sport (?P<source_port>{_ITEMS}) )?"
    rf"(?:(?P<to>tcp|udp) dport (?P<port>{_ITEMS}) )?"
    r"(?:limit rate (?P<limit>\S+) (?:burst (?P<burst>\d+) packets )?)?"
    r'(?P<log>log prefix "[^"]*" )?'
    r"(?:(?P<verdict>accept|drop|reject) )?"
    r'comment "cook (?P<position>\d+): (?P<name>[^"|]*?)(?: \| (?P<description>[^"]*))?"'
)
"""A rule as `nft -p list` shows it, and as NFTABLES writes it."""


def packet_filter(seen: Seen, declared: Collection[str]) -> Iterator[HostItem]:
    """
    Yield the rules that cook has made, its policies, and what others have.

    `declared` are the paths of files that are declared: a file with all rules of a host explains
    those of others.
    """
    yield from _own_rules(seen.texts.get("cook_rules", ""))
    if not any(path in declared for path in _FILES):
        yield from _of_others(seen.texts.get("ruleset", ""))


# --- rules that cook has made -----------------------------------------------------------------


def _own_rules(text: str) -> Iterator[HostItem]:
    """Yield the sets, the rules in their order, and the policies behind them."""
    yield from _sets(text)
    by_name: dict[str, list[ListedLine]] = {}
    for line in listed_lines(text):
        if found := re.search(r'comment "cook \d+: ([^"|]*?)(?: \| [^"]*)?"$', line.text):
            by_name.setdefault(found[1], []).append(line)
    policies = by_name.pop(POLICY, [])
    for name, lines in by_name.items():
        yield _rule(name, lines)
    if policies:
        yield _policies(policies)


def _rule(name: str, lines: Sequence[ListedLine]) -> HostItem:
    """Return the declaration that makes exactly these lines."""
    texts = [NFTABLES.canonical(f"{one.chain} {one.text}") for one in lines]
    if name.startswith("(nat) "):
        reason = "a rule of translation, which is not read: declare it with firewall_nat"
        return LeftOut("firewall", f"{name}: {'; '.join(texts)}", reason)
    properties = _properties(texts)
    try:
        made = None if properties is None else [*NFTABLES.lines(FirewallRule(name, **properties))]
    except RecipeError as error:
        return LeftOut("firewall", name, str(error))
    if properties is None or made != texts:
        return LeftOut(
            "firewall", f"{name}: {'; '.join(texts)}", "firewall_rule writes no such rule"
        )
    return Declaration("firewall", "firewall_rule", name, properties)


def _properties(texts: Sequence[str]) -> dict[str, Any] | None:
    """Return the properties of a rule from its lines: there is one for each version of IP."""
    chains = {text.partition(" ")[0] for text in texts}
    found = [_RULE.fullmatch(text.partition(" ")[2]) for text in texts]
    first = found[0]
    if len(chains) != 1 or first is None or (chain := chains.pop()) not in _DIRECTIONS:
        return None
    sides = {
        side: _merged([one[side] for one in found if one is not None])
        for side in ("source", "destination")
    }
    made = _verdict(first) | _protocol(first) | {word: one for word, one in sides.items() if one}
    interfaces = {"interface": first["incoming"], "dest_interface": first["outgoing"]}
    if chain == "output":
        interfaces = {"interface": first["outgoing"]}
    made |= {word: one for word, one in interfaces.items() if one is not None}
    if chain != "input":
        made["direction"] = _DIRECTIONS[chain]
    if first["states"] is not None:
        states = first["states"].split(",")
        made["stateful"] = True if states == ["new"] else states
    made |= {"limit": first["limit"]} if first["limit"] else {}
    made |= {"burst": int(first["burst"])} if first["burst"] else {}
    made |= {} if first["position"] == "50" else {"position": int(first["position"])}
    return made | ({"description": first["description"]} if first["description"] else {})


def _verdict(rule: re.Match[str]) -> dict[str, Any]:
    """Return the properties that say what a rule does."""
    if rule["verdict"] is None:
        return {"command": "log"}
    made: dict[str, Any] = {"logging": True} if rule["log"] else {}
    command = _COMMANDS[rule["verdict"]]
    return made if command == "allow" else {"command": command, **made}


def _protocol(rule: re.Match[str]) -> dict[str, Any]:
    """Return the protocol and the ports."""
    made: dict[str, Any] = {}
    for word in ("source_port", "port"):
        if rule[word] is not None:
            made[word] = _one_or_all([_port(one) for one in _items(rule[word])])
    number = rule["number"]
    protocol: str | int = rule["to"] or rule["from"] or "none"
    if number is not None:
        protocol = _PROTOCOLS.get(number, int(number))
    return made if protocol == "tcp" else {"protocol": protocol, **made}


def _port(text: str) -> int | str:
    if text.startswith("@"):
        return text.removesuffix(".port")
    return int(text) if text.isdigit() else text.replace("-", ":")


def _merged(sides: Sequence[str | None]) -> str | list[str] | None:
    """Return the addresses of both versions of IP; a set by its name."""
    items = [one for side in sides if side is not None for one in _items(side)]
    items = [re.sub(r"^(@.*)\.v[46]$", r"\1", one) for one in items]
    return _one_or_all([*dict.fromkeys(items)]) if items else None


def _items(text: str) -> list[str]:
    return text.strip("{} ").split(", ")


def _one_or_all(values: list[Any]) -> Any:
    return values[0] if len(values) == 1 else values


def _policies(lines: Sequence[ListedLine]) -> Declaration:
    """Return the policies: the last rule of each chain."""
    made: dict[str, Any] = {"input": None}
    for line in lines:
        made[line.chain] = line.text.partition(" ")[0]
    return Declaration("firewall", "firewall", "default", made)


_SET = re.compile(r"(?ms)^\s*set (\S+?)\.(v4|v6|port) \{\n(.*?)^\s*\}$")


def _sets(text: str) -> Iterator[Declaration]:
    """Yield the sets; one of addresses is a set for each version of IP."""
    found: dict[str, list[str | int]] = {}
    ports: set[str] = set()
    for name, kind, body in _SET.findall(text):
        elements = re.search(r"(?s)elements = \{(.*?)\}", body)
        words = re.split(r",\s*", elements[1].strip()) if elements is not None else []
        found.setdefault(name, []).extend(map(_port, words) if kind == "port" else words)
        ports |= {name} if kind == "port" else set()
    for name, values in found.items():
        kind = {"of": "ports"} if name in ports else {}
        yield Declaration("firewall", "firewall_set", name, {**kind, "elements": values})


# --- rules of others --------------------------------------------------------------------------


def _of_others(text: str) -> Iterator[LeftOut]:
    """Yield the rules of others, as far as something is to be said of them."""
    rules = [
        *(
            line
            for line in listed_lines(text)
            if line.table != _OWN and not _says_nothing(line.text)
        ),
        *(ListedLine("iptables", *_chain(one)) for one in re.findall(r"(?m)^-A (.*)$", text)),
    ]
    reason = "a live rule that stands in no file: it is gone after the next boot"
    for table, chain, rule in rules[:_SHOWN]:
        by_cook = chain.startswith("COOK-")
        why = "a rule that cook has made by iptables, which is not read" if by_cook else reason
        yield LeftOut("firewall", f"{table} {chain}: {rule}", why, "firewall_rule(...)")
    if more := len(rules) - _SHOWN:
        tables = ", ".join(sorted({one.table for one in rules[_SHOWN:]}))
        if more > 0:
            yield LeftOut("firewall", f"{more} more rules in {tables}", reason)


def _chain(rule: str) -> tuple[str, str]:
    chain, _, rest = rule.partition(" ")
    return chain, rest


def _says_nothing(line: str) -> bool:
    """Return whether a line is the head of a chain that lets everything pass."""
    return line.startswith(("type ", "policy ")) and not re.search(r"policy (?!accept)", line)
