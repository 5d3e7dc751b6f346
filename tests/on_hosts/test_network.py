"""Interfaces and routes on a real host, judged by ip(8); the login survives what is declared."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from cookbook.kitchen import KitchenHost
    from tests.on_hosts.conftest import Cook

pytestmark = pytest.mark.hosts


def ip(host: KitchenHost, what: str) -> Any:
    return json.loads(host.run(f"ip -j {what}").stdout or "[]")


def addresses(host: KitchenHost, device: str) -> list[str]:
    [link] = ip(host, f"addr show dev {device}")
    return [f"{a['local']}/{a['prefixlen']}" for a in link["addr_info"] if a["scope"] == "global"]


def test_the_address_of_the_session_cannot_be_removed(fresh_host: KitchenHost, cook: Cook) -> None:
    before = addresses(fresh_host, "host0"), ip(fresh_host, "route")
    for recipe in (
        'network_interface("host0", addresses=["10.99.0.1/24"])',
        'network_interface("host0", bridge="br0")',
    ):
        document = cook(fresh_host, "converge", recipe=recipe)
        assert document["status"] == 3
        said = json.dumps(document)
        assert "would lock out" in said
        assert f"have {fresh_host.address}/24 among its addresses" in said
    assert (addresses(fresh_host, "host0"), ip(fresh_host, "route")) == before


def test_the_interface_of_the_session_gets_another_address_beside(
    fresh_host: KitchenHost, cook: Cook
) -> None:
    gateway = fresh_host.address.rpartition(".")[0] + ".1"
    before = addresses(fresh_host, "host0")
    given = [f"{fresh_host.address}/24", f"{fresh_host.address6}/64", "10.99.0.1/24"]
    recipe = f"""network_interface("host0", addresses={given}, gateway="{gateway}")
route("10.98.0.0/16", gateway="{gateway}", device="host0")"""
    document = cook(fresh_host, "converge", recipe=recipe)
    assert document["status"] == 0, json.dumps(document)
    assert sorted(addresses(fresh_host, "host0")) == sorted(given)
    assert [r["gateway"] for r in ip(fresh_host, "route show 10.98.0.0/16")] == [gateway]
    assert [r["gateway"] for r in ip(fresh_host, "route show default")] == [gateway]
    assert cook(fresh_host, "plan", recipe=recipe)["status"] == 0
    assert cook(fresh_host, "undo", document["run"], "--yes")["status"] == 0
    assert sorted(addresses(fresh_host, "host0")) == sorted(before)
    assert ip(fresh_host, "route show 10.98.0.0/16") == []
    assert fresh_host.run("ls /etc/systemd/network").stdout.split() == ["10-host0.network"]


def test_what_cuts_the_login_is_taken_back(fresh_host: KitchenHost, cook: Cook) -> None:
    """A route to the operator that leads nowhere: nothing is certain before, so it is tried."""
    client = fresh_host.address.rpartition(".")[0] + ".1"
    before = ip(fresh_host, "route")
    fresh_host.run("ip link add nowhere type veth peer name nobody; ip link set nobody up")
    recipe = f"""network_interface("nowhere", addresses=["10.99.0.1/24"])
route("{client}/32", gateway="10.99.0.9", device="nowhere")"""
    document = cook(fresh_host, "converge", "--confirm-timeout", "4s", recipe=recipe)
    assert document["status"] == 3
    assert "the host has restored the former state" in json.dumps(document)
    assert [r for r in ip(fresh_host, "route") if r["dev"] == "host0"] == before
    assert fresh_host.run("ls /etc/systemd/network").stdout.split() == ["10-host0.network"]


def test_what_the_kernel_does_not_have_is_no_success(fresh_host: KitchenHost, cook: Cook) -> None:
    """Where it has no VLANs, systemd-networkd creates nothing, and only its journal says so."""
    if fresh_host.run("ip link add link host0 name x5 type vlan id 5").returncode == 0:
        pytest.skip("this kernel has VLANs")
    recipe = 'network_interface("lan5", kind_of="vlan", vlan_id=5)'
    document = cook(fresh_host, "converge", recipe=recipe)
    assert document["status"] == 3
    assert "still differs" in json.dumps(document)


@pytest.fixture
def with_ifupdown(fresh_host: KitchenHost) -> KitchenHost:
    """A host whose network ifupdown configures, but for the interface of the session."""
    done = fresh_host.run(
        "apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install ifupdown &&"
        " systemctl disable --now systemd-networkd.socket systemd-networkd &&"
        " mkdir -p /etc/network/interfaces.d &&"
        " echo 'source /etc/network/interfaces.d/*' >/etc/network/interfaces &&"
        " ip link add net1 type veth peer name net2 && ip link set net2 up",
        timeout=900,
    )
    assert done.returncode == 0, done.stderr
    return fresh_host


def test_ifupdown_has_it_now_and_at_each_boot(with_ifupdown: KitchenHost, cook: Cook) -> None:
    host = with_ifupdown
    recipe = """network_interface("net1", addresses=["10.99.0.1/24", "fd99::1/64"], mtu=1400)
route("10.98.0.0/16", gateway="10.99.0.9", device="net1", metric=7)"""
    document = cook(host, "converge", recipe=recipe)
    assert document["status"] == 0, json.dumps(document)
    assert cook(host, "plan", recipe=recipe)["status"] == 0
    host.run("ifdown net1")
    assert ip(host, "route show 10.98.0.0/16") == []
    assert addresses(host, "net1") == []
    host.run("ifup net1")  # as at boot
    assert addresses(host, "net1") == ["10.99.0.1/24", "fd99::1/64"]
    [link] = ip(host, "link show dev net1")
    assert link["mtu"] == 1400
    [route] = ip(host, "route show 10.98.0.0/16")
    assert (route["gateway"], route["metric"]) == ("10.99.0.9", 7)
    host.run("ip addr add 10.99.0.5/24 dev net1")
    assert cook(host, "converge", recipe=recipe)["status"] == 0
    assert addresses(host, "net1") == ["10.99.0.1/24", "fd99::1/64"]
    assert cook(host, "undo", document["run"], "--yes")["status"] == 0
    assert host.run("ls /etc/network/interfaces.d").stdout == ""
    assert addresses(host, "net1") == []
    assert ip(host, "route show 10.98.0.0/16") == []
