"""The words of a rule for iptables(8), as iptables-save(8) lists them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence

from cookbook.resources._packets import Network, Ports
from cookbook.resources.firewall_nat import FirewallNat
from cookbook.resources.firewall_rule import FirewallRule

VERDICTS = {
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
NUMBERS = {"6": "tcp", "17": "udp", "1": "icmp", "58": "ipv6-icmp"}
NAMES = {
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


def addresses_of(flag: str, networks: tuple[Network, ...], family: int) -> list[str]:
    """Return the matches of networks, one of which is for each line."""
    own = [n for n in networks if n.version == family]
    return [f"{flag} {n}" if n.prefixlen else "" for n in own] or [""]


def interfaces_of(rule: FirewallRule | FirewallNat) -> str:
    """Return the matches of interfaces."""
    words = []
    if rule.interface is not None:
        out = isinstance(rule, FirewallRule) and rule.direction == "out"
        words.append(f"{'-o' if out else '-i'} {rule.interface}")
    if rule.dest_interface is not None:
        words.append(f"-o {rule.dest_interface}")
    return " ".join(words)


def states_of(rule: FirewallRule) -> str:
    """Return the match of states of the connection."""
    states = [state for state in _STATES if state.lower() in rule.states]
    return f"-m conntrack --ctstate {','.join(states)}" if states else ""


_PERIODS = (("day", 864000000), ("hour", 36000000), ("min", 600000), ("sec", 10000))
"""The units of a rate, in ten-thousandths of a second."""


def limit_of(rule: FirewallRule) -> str:
    """Return the limit in the unit that iptables-save(8) chooses: 60/minute is 1/sec."""
    if rule.limit is None:
        return ""
    count, unit = rule.rate
    period = next(length for name, length in _PERIODS if unit.startswith(name)) // count
    at = 1
    while at < 4:
        length = _PERIODS[at][1]
        if period > length or length // period < length % period:
            break
        at += 1
    name, length = _PERIODS[at - 1]
    burst = f" --limit-burst {rule.burst}" if rule.burst != 5 else ""
    return f"-m limit --limit {length // period}/{name}{burst}"


def translation_of(rule: FirewallNat) -> str:
    """Return the target of a rule of translation."""
    if rule.to_address is None:
        return (
            "MASQUERADE" if rule.command == "masquerade" else f"REDIRECT --to-ports {rule.to_port}"
        )
    text = str(ipaddress.ip_address(rule.to_address))
    if rule.to_port is not None:
        text = f"[{text}]:{rule.to_port}" if ":" in text else f"{text}:{rule.to_port}"
    side = "source" if rule.command == "snat" else "destination"
    return f"{rule.command.upper()} --to-{side} {text}"


def protocol_of(rule: FirewallRule | FirewallNat) -> list[str]:
    """Return it with its ports; those that do not fit into one match go into the next line."""
    if rule.protocol == "none":
        return [""]
    name = NUMBERS.get(str(rule.protocol), str(rule.protocol))
    source_ports = rule.source_ports if isinstance(rule, FirewallRule) else ()
    if len(rule.ports) <= 1 and len(source_ports) <= 1:
        sides = [("--sport", source_ports), ("--dport", rule.ports)]
        words = [f"{flag} {_ranges(ports)}" for flag, ports in sides if ports]
        return [" ".join([f"-p {name}", *([f"-m {name}", *words] if words else [])])]
    sources = [f" -m multiport --sports {_ranges(p)}" for p in _portions(source_ports)] or [""]
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


def targets_of(rule: FirewallRule, family: int) -> Iterator[str]:
    """Yield the targets: one to log, one to decide."""
    if rule.logging or rule.command == "log":
        prefix = f"cook {rule.name}"[: _MOST_PREFIX - 2]
        yield f'LOG --log-prefix "{prefix}: "'
    if rule.command != "log":
        yield VERDICTS[rule.command, family]
