"""Hosts with an active ufw or firewalld: named and left alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from cookbook.kitchen import KitchenHost
    from tests.on_hosts.conftest import Cook

pytestmark = pytest.mark.hosts

INSTALL = "apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install"


@pytest.mark.parametrize(
    ("program", "start", "stop"),
    [
        ("ufw", "ufw allow 22/tcp && ufw --force enable", "ufw disable"),
        ("firewalld", "systemctl start firewalld", "systemctl stop firewalld"),
    ],
)
def test_an_active_manager_is_named_and_its_rules_stay(
    fresh_host: KitchenHost, cook: Cook, program: str, start: str, stop: str
) -> None:
    done = fresh_host.run(f"{INSTALL} {program} && {start}", timeout=180)
    assert done.returncode == 0, done.stderr
    before = fresh_host.run("nft -s list ruleset").stdout
    assert before
    for recipe in (
        'firewall_rule("web", port=80)',
        'firewall("default", input="accept")',
        'firewall_nat("out", dest_interface="host0")',
        'firewall_set("some")',
    ):
        for command in ("plan", "converge"):
            document = cook(fresh_host, command, recipe=recipe)
            assert document["status"] == 3
            assert f"{program} is active on the host" in json.dumps(document)
    assert fresh_host.run("nft -s list ruleset").stdout == before
    assert fresh_host.run(stop).returncode == 0
    assert cook(fresh_host, "converge", recipe='firewall_rule("web", port=80)')["status"] == 0
    assert "tcp dport 80 accept" in fresh_host.run("nft list ruleset").stdout
