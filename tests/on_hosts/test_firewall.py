"""Default policies on a real host, judged by who gets in, and by the tool's own listing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from cookbook.kitchen import KitchenHost
    from tests.on_hosts.conftest import Converge, Cook
    from tests.on_hosts.walled import Walled

pytestmark = pytest.mark.hosts

RECIPE = """
firewall("default", input="drop")
firewall_rule("ssh", port=22, position=1)
firewall_rule("web", port=80)
"""


def test_what_no_rule_is_about_is_dropped(walled: Walled, converge: Converge) -> None:
    assert walled.reach(9999) == walled.reach(9999, six=True) == "passes"
    assert {step.status for step in converge(walled.host, RECIPE)} == {"changed"}
    assert {step.status for step in converge(walled.host, RECIPE)} == {"ok"}
    for six in (False, True):
        assert [walled.reach(port, six=six) for port in (22, 80, 81)] == [
            *("passes", "passes", "blocked")
        ]
    to_itself = "timeout 60 bash -c 'exec 3<>/dev/tcp/127.0.0.1/81'"
    assert "refused" in walled.host.run(to_itself).stderr
    walled.flush()
    assert walled.reach(81) == "passes"
    walled.run("systemctl restart cook-firewall")
    assert walled.reach(81) == "blocked"


def test_a_rule_that_comes_later_stands_before_the_policy(
    walled: Walled, converge: Converge
) -> None:
    converge(walled.host, RECIPE)
    steps = converge(walled.host, RECIPE + 'firewall_rule("late", port=81, position=9999)')
    assert [step.status for step in steps] == ["ok", "ok", "ok", "changed"]
    assert walled.reach(81) == "passes"
    assert walled.reach(82) == "blocked"


def test_a_policy_that_locks_out_is_refused_before_anything_is_done(
    walled: Walled, cook: Cook
) -> None:
    recipe = 'file("/tmp/in line", content="x")\nfirewall("default")\n'
    for more in ("", 'file("/tmp/in x")\nfirewall_rule("ssh", port=22)\n'):
        before = walled.rules
        document = cook(walled.host, "converge", recipe=recipe + more)
        assert document["status"] == 3
        said = json.dumps(document)
        assert "would lock out" in said
        assert 'declare firewall_rule(\\"ssh\\", port=22) before it' in said
        assert walled.rules == before
        assert walled.host.run("ls /tmp/in*").stdout == ""


def test_only_the_rules_of_cook_are_flushed_and_come_back(walled: Walled, cook: Cook) -> None:
    if walled.tool == "nftables":
        walled.run("nft add table inet theirs; nft add chain inet theirs x")
        walled.run("nft add rule inet theirs x drop")
    else:
        walled.run("iptables -A INPUT -p tcp --dport 7777 -j DROP; iptables -N THEIRS")
    before = walled.rules
    assert cook(walled.host, "converge", recipe=RECIPE)["status"] == 0
    ours = walled.rules
    document = cook(walled.host, "converge", recipe='firewall("default", action="disable")')
    assert document["status"] == 0
    assert walled.rules == before
    assert walled.host.run("ls /etc/cook; systemctl cat cook-firewall").stdout == ""
    assert cook(walled.host, "undo", document["run"], "--yes")["status"] == 0
    assert walled.rules == ours
    assert walled.reach(81) == "blocked"
    said = json.dumps(cook(walled.host, "converge", recipe='firewall("x", action="flush")'))
    assert "would lock out" in said  # the policy would be left alone
    recipe = 'firewall("default", input="accept")'
    assert cook(walled.host, "converge", recipe=recipe)["status"] == 0
    assert cook(walled.host, "converge", recipe='firewall("x", action="flush")')["status"] == 0
    assert walled.rules == before


def test_a_policy_changed_by_hand_is_restored(walled: Walled, converge: Converge) -> None:
    converge(walled.host, RECIPE)
    as_it_was = walled.rules
    if walled.tool == "nftables":
        walled.run("nft flush chain inet cook input")
    else:
        walled.run("iptables -F COOK-INPUT; ip6tables -F COOK-INPUT")
    assert walled.reach(81) == "passes"
    converge(walled.host, RECIPE)
    assert walled.rules == as_it_was


WALL = """
firewall_rule("ssh", port=22)
firewall_set("office", elements=["192.0.2.0/24"])
firewall_rule("web", port=80, source="@office")
firewall("default", input="drop")
"""


@pytest.mark.parametrize("flush", ["nft flush ruleset", "nft flush table inet cook"])
def test_all_that_was_saved_comes_back_at_once_and_an_undo_of_that_removes_nothing(
    module_host: KitchenHost, cook: Cook, flush: str
) -> None:
    module_host.run("[ ! -e /usr/sbin/nft.away ] || mv /usr/sbin/nft.away /usr/sbin/nft")
    module_host.run("nft flush ruleset; rm -rf /etc/cook")
    assert cook(module_host, "converge", recipe=WALL)["status"] == 0
    before = module_host.run("nft list ruleset").stdout
    assert "@office.v4" in before

    module_host.run(flush)
    repaired = cook(module_host, "converge", recipe=WALL)
    assert repaired["status"] == 0
    assert module_host.run("nft list ruleset").stdout == before

    undone = cook(module_host, "undo", "last", "--yes", "--partial")
    assert undone["status"] == 3  # there is nothing to go back to
    assert "the run has repaired that" in json.dumps(undone)
    assert module_host.run("nft list ruleset").stdout == before


def test_a_plan_of_rules_that_were_flushed_is_applied(
    module_host: KitchenHost, cook: Cook, tmp_path: Path
) -> None:
    module_host.run("nft flush ruleset; rm -rf /etc/cook")
    assert cook(module_host, "converge", recipe=WALL)["status"] == 0
    before = module_host.run("nft list ruleset").stdout
    module_host.run("nft flush ruleset")
    plan = str(tmp_path / "plan.json")
    assert cook(module_host, "plan", "-o", plan, recipe=WALL)["status"] == 2
    applied = cook(module_host, "apply", plan)
    assert applied["status"] == 0
    assert module_host.run("nft list ruleset").stdout == before
