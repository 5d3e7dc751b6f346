"""Rates, sets and translation on real hosts, judged by connections."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from tests.waiting import LONG

if TYPE_CHECKING:
    from cookbook.kitchen import Kitchen
    from tests.on_hosts.conftest import Converge
    from tests.on_hosts.walled import Walled

pytestmark = pytest.mark.hosts


def banner(address: str, port: int) -> bytes:
    """Return the first bytes that a server says."""
    with socket.create_connection((address, port), timeout=LONG) as connection:
        return connection.recv(4)


def test_connections_beyond_the_rate_meet_the_next_rule(walled: Walled, converge: Converge) -> None:
    recipe = """
    firewall_rule("few", port=81, stateful=True, limit="1/hour", burst=2)
    firewall_rule("no more", port=81, command="deny", position=60)
    """
    converge(walled.host, recipe)
    assert [walled.reach(81) for _ in range(3)] == ["passes", "passes", "blocked"]
    assert {step.status for step in converge(walled.host, recipe)} == {"ok"}


@pytest.mark.parametrize(
    "rate", ["7/second", "60/minute", "90/minute", "7/minute", "100/hour", "3/day", "1000/second"]
)
def test_a_rate_is_listed_as_it_is_expected(walled: Walled, converge: Converge, rate: str) -> None:
    recipe = f"""firewall_rule("few", port=81, limit="{rate}", burst=7)"""
    converge(walled.host, recipe)
    assert [step.status for step in converge(walled.host, recipe)] == ["ok"]


def test_a_set_decides_who_gets_in(walled: Walled, converge: Converge) -> None:
    if walled.tool != "nftables":
        pytest.skip("iptables has no sets of its own, which is refused: a case")
    recipe = """
    firewall_set("banned", elements=[{elements}])
    firewall_set("some-ports", of="ports", elements=[81, "90:99"])
    firewall_rule("banned", port="@some-ports", source="@banned", command="deny")
    """
    converge(walled.host, recipe.format(elements='"192.0.2.1", "fd00::/8"'))
    assert [walled.reach(81), walled.reach(95, six=True)] == ["passes", "blocked"]
    steps = converge(walled.host, recipe.format(elements=f'"{walled.gateway}"'))
    assert [step.status for step in steps] == ["changed", "ok", "ok"]
    assert [walled.reach(95), walled.reach(100), walled.reach(81, six=True)] == [
        *("blocked", "passes", "passes")
    ]
    walled.flush()
    walled.run("systemctl restart cook-firewall")
    assert walled.reach(81) == "blocked"


def test_a_port_is_redirected(walled: Walled, converge: Converge) -> None:
    recipe = 'firewall_nat("ssh", command="redirect", protocol="tcp", port=8022, to_port=22)'
    converge(walled.host, recipe)
    assert banner(walled.host.address, 8022) == banner(walled.host.address6, 8022) == b"SSH-"
    assert {step.status for step in converge(walled.host, recipe)} == {"ok"}
    walled.flush()
    if walled.tool == "iptables":
        walled.run("iptables -t nat -F; ip6tables -t nat -F")
    with pytest.raises(ConnectionRefusedError):
        banner(walled.host.address, 8022)
    walled.run("systemctl restart cook-firewall")
    assert banner(walled.host.address, 8022) == b"SSH-"
    converge(walled.host, recipe.replace("command=", "action='delete', command="))
    with pytest.raises(ConnectionRefusedError):
        banner(walled.host.address, 8022)
    assert "COOK" not in walled.rules
    assert "table inet cook" not in walled.rules


def test_packets_are_passed_on_to_another_host(
    walled: Walled, kitchen: Kitchen, converge: Converge
) -> None:
    [peer] = kitchen.up(names=["peer"])
    try:
        recipe = f"""
        sysctl("net.ipv4.ip_forward", value=1)
        firewall("default", input=None, forward="drop")
        firewall_rule("on", direction="forward", port=22, destination="{peer.address}")
        firewall_nat("in", command="dnat", protocol="tcp", port=8023, to_address="{peer.address}",
                     to_port=22)
        firewall_nat("back", destination="{peer.address}", dest_interface="host0")
        """
        converge(walled.host, recipe)
        assert {step.status for step in converge(walled.host, recipe)} == {"ok"}
        peer.run("nft add table ip seen")
        peer.run("nft add chain ip seen b '{ type filter hook input priority 0; }'")
        peer.run(f"nft add rule ip seen b tcp dport 22 ip saddr {walled.host.address} counter")
        assert banner(walled.host.address, 8023) == b"SSH-"
        seen = peer.run("nft list chain ip seen b").stdout  # by the address of the other host
        assert "counter packets" in seen
        assert "packets 0" not in seen
    finally:
        kitchen.down(["peer"])
