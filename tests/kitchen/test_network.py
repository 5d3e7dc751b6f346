"""Kitchens keep out of each other's way, and out of everybody else's."""

from __future__ import annotations

from ipaddress import IPv4Network

import pytest

from cookbook.errors import KitchenError
from cookbook.kitchen.network import KitchenNetwork, choose, pool

POOL = IPv4Network("10.78.0.0/16")


def test_the_first_subnet_is_taken_where_all_are_free() -> None:
    assert choose(POOL, [], []) == KitchenNetwork("cook0", IPv4Network("10.78.0.0/24"))


def test_a_subnet_that_is_routed_already_is_passed_over() -> None:
    assert choose(POOL, [IPv4Network("10.78.0.0/23")], []).bridge == "cook2"


def test_a_bridge_name_that_exists_is_passed_over() -> None:
    assert choose(POOL, [], ["lo", "cook0"]).subnet == IPv4Network("10.78.1.0/24")


def test_a_machine_that_routes_the_whole_pool_elsewhere_is_told_where_to_say_another() -> None:
    with pytest.raises(KitchenError, match=r"no free /24") as caught:
        choose(POOL, [IPv4Network("10.0.0.0/8")], [])
    assert caught.value.hint is not None
    assert "COOK_KITCHEN_NETWORK" in caught.value.hint


def test_the_addresses_of_both_families_share_their_numbers() -> None:
    network = KitchenNetwork("cook3", IPv4Network("10.78.3.0/24"))
    assert (network.gateway, network.address(11)) == ("10.78.3.1", "10.78.3.11")
    assert (str(network.subnet6), network.address6(11)) == ("fd78:0:0:3::/64", "fd78:0:0:3::b")


def test_only_what_leaves_the_bridge_is_masqueraded() -> None:
    rules = KitchenNetwork("cook0", IPv4Network("10.78.0.0/24")).ruleset
    assert 'ip saddr 10.78.0.0/24 oifname != "cook0" masquerade' in rules


def test_the_pool_can_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COOK_KITCHEN_NETWORK", "172.30.0.0/20")
    assert pool() == IPv4Network("172.30.0.0/20")


@pytest.mark.parametrize("text", ["nonsense", "10.0.0.0/25", "10.0.0.1/16"])
def test_a_pool_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("COOK_KITCHEN_NETWORK", text)
    with pytest.raises(KitchenError, match="COOK_KITCHEN_NETWORK"):
        pool()
