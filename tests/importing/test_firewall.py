"""Rules of the packet filter as they are listed, read as resources."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cookbook.errors import RecipeError
from cookbook.importing.declaration import Declaration, LeftOut
from cookbook.importing.firewall import packet_filter
from cookbook.importing.questions import Seen
from cookbook.providers.nftables import NFTABLES
from cookbook.resources.firewall_rule import FirewallRule

# What `nft -p list table inet cook` of nftables 1.1 says.
OWN = """\
table inet cook {
\tset office.v4 {
\t\ttype ipv4_addr
\t\tflags interval
\t\telements = { 192.0.2.0/24, 198.51.100.7,
\t\t\t     203.0.113.0/25 }
\t}

\tset office.v6 {
\t\ttype ipv6_addr
\t\tflags interval
\t\telements = { 2001:db8::/48 }
\t}

\tset web.port {
\t\ttype inet_service
\t\tflags interval
\t\telements = { 80, 8000-8100 }
\t}

\tchain input {
\t\ttype filter hook input priority filter - 10; policy accept;
\t\tct state established,related accept
\t\tiifname "lo" accept
\t\ticmpv6 type { nd-router-solicit, nd-router-advert } accept
\t\ttcp dport 22 accept comment "cook 10: ssh"
\t\tip saddr @office.v4 tcp dport @web.port accept comment "cook 50: web | of the office"
\t\tip6 saddr @office.v6 tcp dport @web.port accept comment "cook 50: web | of the office"
\t\ttcp dport 8080 ip daddr 192.0.2.1 accept comment "cook 50: by hand"
\t\tdrop comment "cook 10000: (policy)"
\t}

\tchain forward {
\t\ttype filter hook forward priority filter - 10; policy accept;
\t\tct state established,related accept
\t\treject comment "cook 10000: (policy)"
\t}

\tchain prerouting {
\t\ttype nat hook prerouting priority dstnat; policy accept;
\t\ttcp dport 80 redirect to :8080 comment "cook 50: (nat) web"
\t}
}
"""

OTHERS = """\
table ip filter {
\tchain INPUT {
\t\ttype filter hook input priority filter; policy drop;
\t\tiifname "eth1" counter packets 7 bytes 91 accept
\t}

\tchain FORWARD {
\t\ttype filter hook forward priority filter; policy accept;
\t}
}
"""


def found(own: str = "", others: str = "", *declared: str) -> list[Any]:
    return [*packet_filter(Seen({"cook_rules": own, "ruleset": own + others}), declared)]


def test_rules_sets_and_policies_of_cook_are_declared() -> None:
    told = found(OWN)
    assert [
        (one.kind, one.name, one.properties) for one in told if isinstance(one, Declaration)
    ] == [
        (
            "firewall_set",
            "office",
            {"elements": ["192.0.2.0/24", "198.51.100.7", "203.0.113.0/25", "2001:db8::/48"]},
        ),
        ("firewall_set", "web", {"of": "ports", "elements": [80, "8000:8100"]}),
        ("firewall_rule", "ssh", {"port": 22, "position": 10}),
        (
            "firewall_rule",
            "web",
            {"port": "@web", "source": "@office", "description": "of the office"},
        ),
        ("firewall", "default", {"input": "drop", "forward": "reject"}),
    ]
    left = [one for one in told if isinstance(one, LeftOut)]
    assert [(one.what.partition(":")[0], one.reason) for one in left] == [
        ("by hand", "firewall_rule writes no such rule"),
        ("(nat) web", "a rule of translation, which is not read: declare it with firewall_nat"),
    ]


def test_rules_of_others_are_named_unless_a_file_has_them() -> None:
    told = found("", OTHERS)
    assert [one.what for one in told] == [
        "ip filter INPUT: type filter hook input priority filter; policy drop;",
        'ip filter INPUT: iifname "eth1" accept',
    ]
    assert {type(one) for one in told} == {LeftOut}
    assert found("", OTHERS, "/etc/nftables.conf") == []
    many = "".join(f"-A INPUT -p tcp --dport {port} -j DROP\n" for port in range(1, 101))
    told = found("", f"*filter\n:INPUT ACCEPT [0:0]\n{many}COMMIT\n")
    assert told[0].what == "iptables INPUT: -p tcp --dport 1 -j DROP"
    assert [one.what for one in told[39:]] == [
        "iptables INPUT: -p tcp --dport 40 -j DROP",
        "60 more rules in iptables",
    ]


PROPERTIES: dict[str, list[Any]] = {
    "command": ["deny", "reject", "log"],
    "protocol": ["udp", "icmp", "ipv6-icmp", "none", 47],
    "port": [80, [80, 443], "8000:8100", ["8000:8100", 22], "@web"],
    "source_port": [1024, "1024:65535"],
    "source": ["192.0.2.7", ["192.0.2.0/24", "2001:db8::/48"], "2001:db8::1", "@office"],
    "destination": ["192.0.2.9", "@office"],
    "interface": ["eth0"],
    "direction": ["out", "forward"],
    "stateful": [True, ["new", "established"], "invalid"],
    "limit": ["10/minute"],
    "burst": [9],
    "position": [7],
    "logging": [True],
    "description": ["the web"],
}


@given(st.fixed_dictionaries({}, optional={k: st.sampled_from(v) for k, v in PROPERTIES.items()}))
def test_each_rule_that_cook_writes_is_read(properties: dict[str, Any]) -> None:
    try:
        lines = [*NFTABLES.lines(FirewallRule("a rule", **properties))]
    except RecipeError:
        return
    chains = (line.partition(" ") for line in lines)
    listed = "".join(f"chain {chain} {{\n{rule}\n}}\n" for chain, _, rule in chains)
    [one] = found(f"table inet cook {{\n{listed}}}\n")
    assert (one.kind, one.name) == ("firewall_rule", "a rule")
    assert [*NFTABLES.lines(FirewallRule("a rule", **one.properties))] == lines


@pytest.mark.parametrize("text", ["", "table", "table inet cook {", 'comment "cook 1: x"'])
def test_what_is_no_list_of_rules_is_nothing(text: str) -> None:
    assert found(text) == []
