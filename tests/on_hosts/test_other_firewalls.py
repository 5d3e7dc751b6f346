"""Hosts with an active firewalld, which is left alone, or ufw, by which rules are made."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.on_hosts.walled import Walled

if TYPE_CHECKING:
    from cookbook.kitchen import KitchenHost
    from tests.on_hosts.conftest import Cook

pytestmark = pytest.mark.hosts

INSTALL = "apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install"
# systemd calls firewalld started when it is on the bus, which is before its rules are there
FIREWALLD = (
    "systemctl start firewalld && timeout 60 sh -c 'until firewall-cmd --state; do sleep 0.2; done'"
)


@pytest.mark.parametrize(
    ("program", "start", "stop"),
    [
        ("ufw", "ufw allow 22/tcp && ufw --force enable", "ufw disable"),
        ("firewalld", FIREWALLD, "systemctl stop firewalld"),
    ],
)
def test_an_active_manager_is_named_and_its_rules_stay(
    fresh_host: KitchenHost, cook: Cook, program: str, start: str, stop: str
) -> None:
    done = fresh_host.run(f"{INSTALL} {program} && {start}", timeout=900)
    assert done.returncode == 0, done.stderr
    before = fresh_host.run("nft -s list ruleset").stdout
    assert before
    recipes = ['firewall_nat("out", dest_interface="host0")', 'firewall_set("some")']
    if program == "firewalld":
        recipes += ['firewall_rule("web", port=80)', 'firewall("default", input="accept")']
    for recipe in recipes:
        for command in ("plan", "converge"):
            document = cook(fresh_host, command, recipe=recipe)
            assert document["status"] == 3
            assert f"{program} is active on the host" in json.dumps(document)
    assert fresh_host.run("nft -s list ruleset").stdout == before
    assert fresh_host.run(stop).returncode == 0
    assert cook(fresh_host, "converge", recipe='firewall_rule("web", port=80)')["status"] == 0
    assert "tcp dport 80 accept" in fresh_host.run("nft list ruleset").stdout


RULES = """
firewall_rule("ssh", port=22, position=1)
firewall_rule("web", port=[80, "8000:8010"], description="the shop")
firewall_rule("not me", port=8443, command="reject", source=["{gateway}", "fd00::/8"])
firewall_rule("eight", port=8443)
firewall_rule("on", direction="forward", port=80, destination="10.0.0.2")
firewall_rule("via", direction="forward", port=80, dest_interface="lo")
firewall_rule("out", direction="out", port=25, command="deny", logging=True)
firewall("default", input="drop", output="accept")
"""


@pytest.fixture
def ufw(fresh_host: KitchenHost) -> Walled:
    """A host with an active ufw, which has one rule of its own and lets all in."""
    start = "ufw default allow incoming && ufw allow 9022/tcp && ufw --force enable"
    done = fresh_host.run(f"{INSTALL} ufw && {start}", timeout=900)
    assert done.returncode == 0, done.stderr
    return Walled(fresh_host, "ufw")


def statuses(document: dict[str, Any]) -> list[str]:
    [told] = document["hosts"].values()
    return [r["status"] for r in told["resources"]]


def test_rules_are_made_by_ufw_and_the_kernel_is_asked(ufw: Walled, cook: Cook) -> None:
    recipe = RULES.format(gateway=ufw.gateway)
    files = "cat /etc/ufw/user.rules /etc/ufw/user6.rules; iptables-save -t filter; ip6tables-save"
    files += " -t filter"
    plain = f"({files}) | grep -v '^#.*on ' | sed 's/\\[[0-9:]*\\]$//' | grep '^[-:#]'"
    before = ufw.run(plain)
    document = cook(ufw.host, "converge", recipe=recipe)
    assert document["status"] == 0, json.dumps(document)
    assert {*statuses(cook(ufw.host, "converge", recipe=recipe))} == {"ok"}
    for six in (False, True):
        assert [ufw.reach(p, six=six) for p in (22, 80, 8005, 8443, 9999)] == [
            *("passes", "passes", "passes", "passes", "blocked")
        ]  # a rejected connection is refused, as one without a server is
    assert "8443 reject" in ufw.run("ufw status | tr -s ' ' | sed 's/.tcp.*REJECT.*/ reject/'")
    names = [line for line in ufw.run("ufw status numbered").splitlines() if " IN " in line]
    assert [line.rpartition(": ")[2] for line in names if "# cook" in line][:3] == [
        *("ssh", "web", "not me")
    ]

    ufw.run("iptables -D ufw-user-input -p tcp -m multiport --dports 80,8000:8010 -j ACCEPT")
    assert ufw.reach(80) == "blocked"
    assert "80,8000:8010/tcp" in ufw.run("ufw status")  # which looks into its file
    assert statuses(cook(ufw.host, "converge", recipe=recipe)).count("changed") == 1
    assert ufw.reach(80) == "passes"

    first = 'firewall_rule("first", port=81, position=2)\nfirewall_rule("on"'
    later = recipe.replace('firewall_rule("on"', first)
    assert statuses(cook(ufw.host, "converge", recipe=later)).count("changed") == 1
    assert [ufw.reach(81), ufw.reach(81, six=True)] == ["passes", "passes"]
    shown = [line for line in ufw.run("ufw status numbered").splitlines() if "(v6)" not in line]
    order = [line.rpartition(": ")[2] for line in shown if "# cook" in line]
    assert order.index("first") == order.index("ssh") + 1
    gone = later.replace("position=2", "position=2, action='delete'")
    assert statuses(cook(ufw.host, "converge", recipe=gone)).count("changed") == 1

    assert cook(ufw.host, "undo", document["run"], "--yes", "--partial")["status"] == 0
    assert sorted(ufw.run(plain).splitlines()) == sorted(before.splitlines())
    assert "9022/tcp" in ufw.run("ufw status")


def test_a_policy_of_ufw_that_locks_out_is_refused(ufw: Walled, cook: Cook) -> None:
    document = cook(ufw.host, "converge", recipe='firewall("default")')
    assert document["status"] == 3
    assert 'declare firewall_rule(\\"ssh\\", port=22) before it' in json.dumps(document)
    assert ufw.reach(9999) == "passes"
    document = cook(ufw.host, "converge", recipe='firewall_rule("x", port=22, command="deny")')
    assert document["status"] == 3
    assert "would lock out" in json.dumps(document)
