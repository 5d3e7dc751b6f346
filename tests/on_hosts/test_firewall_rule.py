"""
Firewall rules on a real host, judged by who gets in, and by the tool's own listing.

A port where nobody listens answers "refused" as long as its packets pass.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cookbook.errors import KitchenError
from cookbook.reports.report import step_json
from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.on_hosts.conftest import Converge
    from tests.on_hosts.walled import Walled

pytestmark = pytest.mark.hosts

RECIPE = """
firewall_rule("ssh", port=22, position=1)
firewall_rule("web", port=[80, 443, "8000:8010"], description="the shop")
firewall_rule("four", port=5432, source="{gateway}")
firewall_rule("six", port=5433, source="fd00::/8")
file("/tmp/in between", content="x")
firewall_rule("not me", port=8443, command="reject", source=["{gateway}", "fd00::/8"])
firewall_rule("default", command="deny", protocol="none", position=100)
"""


def recipe_for(walled: Walled) -> str:
    return RECIPE.format(gateway=walled.gateway)


def test_ports_are_open_and_closed_as_declared(walled: Walled, converge: Converge) -> None:
    assert walled.reach(9999) == walled.reach(9999, six=True) == "passes"
    assert {step.status for step in converge(walled.host, recipe_for(walled))} == {"changed"}
    passing = [p for p in (22, 80, 443, 8005, 5432, 5433, 8443, 9999) if _open(walled, p)]
    assert passing == [22, 80, 443, 8005, 5432, 8443]
    passing = [p for p in (22, 80, 5432, 5433, 9999) if _open(walled, p, six=True)]
    assert passing == [22, 80, 5433]
    assert {step.status for step in converge(walled.host, recipe_for(walled))} == {"ok"}


def _init(walled: Walled) -> str:
    """Which init the host has, another one after each boot; empty between two of them."""
    try:
        leader = walled.host.leader
        return f"{leader} {Path(f'/proc/{leader}/stat').read_text().rpartition(')')[2].split()[19]}"
    except (KitchenError, OSError):
        return ""


def _open(walled: Walled, port: int, *, six: bool = False) -> bool:
    return walled.reach(port, six=six) == "passes"


def test_what_was_done_by_hand_is_seen_and_undone(walled: Walled, converge: Converge) -> None:
    converge(walled.host, recipe_for(walled))
    as_it_was = walled.rules
    if walled.tool == "nftables":
        walled.run(
            "nft delete rule inet cook input handle"
            " $(nft -a list chain inet cook input | sed -n 's/.*50: web.*handle //p')"
        )
        walled.run("nft insert rule inet cook input tcp dport 9998 accept")
    else:
        walled.run("iptables -D COOK-INPUT 4 && ip6tables -D INPUT -j COOK-INPUT")
    assert not _open(walled, 80) or walled.tool == "iptables"
    steps = converge(walled.host, recipe_for(walled))
    assert "changed" in {step.status for step in steps}
    assert {step.status for step in steps} <= {"changed", "ok"}
    assert walled.rules == as_it_was
    assert {step.status for step in converge(walled.host, recipe_for(walled))} == {"ok"}


def test_an_order_changed_by_hand_is_restored(walled: Walled, converge: Converge) -> None:
    recipe = 'firewall_rule("a", port=81)\nfirewall_rule("b", port=82)\nfirewall_rule("c", port=83)'
    converge(walled.host, recipe)
    as_it_was = walled.rules
    if walled.tool == "nftables":
        handle = "$(nft -a list chain inet cook input | sed -n 's/.*50: c\".*handle //p')"
        walled.run(f"nft delete rule inet cook input handle {handle}")
        walled.run('nft insert rule inet cook input tcp dport 83 accept comment \\"cook 50: c\\"')
    else:
        rule = "-p tcp --dport 83 -m comment --comment 'cook 50: c' -j ACCEPT"
        walled.run(f"iptables -D COOK-INPUT {rule} && iptables -I COOK-INPUT {rule}")
    steps = converge(walled.host, recipe)
    assert [step.status for step in steps] == ["ok", "ok", "changed"]
    assert walled.rules == as_it_was


def test_a_rule_that_is_added_later_finds_its_place(walled: Walled, converge: Converge) -> None:
    first = 'firewall_rule("ssh", port=22)\n'
    last = 'firewall_rule("default", command="deny", protocol="none")\n'
    converge(walled.host, first + last)
    steps = converge(walled.host, first + 'firewall_rule("new", port=90)\n' + last)
    assert [step.status for step in steps] == ["ok", "changed", "ok"]
    assert _open(walled, 90)
    assert _open(walled, 22)
    assert not _open(walled, 91)
    steps = converge(walled.host, first + 'firewall_rule("new", action="delete")\n' + last)
    assert [step.status for step in steps] == ["ok", "changed", "ok"]
    assert not _open(walled, 90)


def test_rules_of_others_are_left_alone(walled: Walled, converge: Converge) -> None:
    if walled.tool == "nftables":
        walled.run("nft add table inet theirs; nft add chain inet theirs x")
        walled.run("nft add rule inet theirs x drop")
    else:
        walled.run("iptables -A INPUT -p tcp --dport 7777 -j DROP; iptables -N THEIRS")
    before = walled.rules
    converge(walled.host, recipe_for(walled))
    gone = "\n".join(
        f'firewall_rule("{name}", action="delete")'
        for name in ("ssh", "web", "four", "six", "not me", "default")
    )
    if walled.tool == "iptables":
        assert not _open(walled, 7777)
    else:
        assert "table inet theirs" in walled.rules
    converge(walled.host, gone)
    assert walled.rules == before
    assert walled.host.run("ls /etc/cook; systemctl cat cook-firewall").stdout == ""


def test_rules_survive_a_flush_of_others_and_a_reboot(walled: Walled, converge: Converge) -> None:
    converge(walled.host, recipe_for(walled))
    walled.flush()
    assert _open(walled, 9999)
    walled.run("systemctl restart cook-firewall")
    assert not _open(walled, 9999)
    former = _init(walled)
    walled.host.run("systemctl reboot")
    eventually(lambda: _init(walled) not in ("", former))
    walled.host.wait_until_up()
    assert not _open(walled, 9999)
    assert _open(walled, 80)
    steps = converge(walled.host, recipe_for(walled))  # the file in /tmp does not outlive a boot
    rules = [step for step in steps if step.resource.kind() == "firewall_rule"]
    assert {step.status for step in rules} == {"ok"}


def test_a_boot_that_would_load_nothing_is_a_difference(walled: Walled, converge: Converge) -> None:
    recipe = 'firewall_rule("web", port=80)'
    converge(walled.host, recipe)
    walled.run("systemctl disable --quiet cook-firewall")
    [step] = converge(walled.host, recipe)
    assert step.change is not None
    assert list(step.change.fields) == ["boot"]
    assert walled.run("systemctl is-enabled cook-firewall").strip() == "enabled"
    walled.run("rm /etc/cook/firewall.*")
    [step] = converge(walled.host, recipe)
    assert step.change is not None
    assert list(step.change.fields) == ["saved"]
    assert converge(walled.host, recipe)[0].status == "ok"


def test_a_plan_changes_nothing(walled: Walled, plan: Converge) -> None:
    before = walled.rules
    assert {step.status for step in plan(walled.host, recipe_for(walled))} == {"changed"}
    assert walled.rules == before
    assert walled.host.run("ls /etc/cook").stdout == ""


def test_rules_are_back_when_the_packet_filter_was_stopped_and_started(
    walled: Walled, converge: Converge, plan: Converge
) -> None:
    if walled.tool != "nftables":
        pytest.skip("Debian's netfilter-persistent keeps all rules, ours included")
    walled.run("systemctl start nftables")  # as on a host where it is enabled
    converge(walled.host, recipe_for(walled))
    walled.run("systemctl stop nftables")  # which flushes all rules
    assert _open(walled, 9999)
    rules = [
        s for s in plan(walled.host, recipe_for(walled)) if s.resource.kind() == "firewall_rule"
    ]
    assert {step.status for step in rules} == {"changed"}  # the plan sees that they are gone
    walled.run("systemctl start nftables")
    assert not _open(walled, 9999)
    assert _open(walled, 80)
    rules = [
        s for s in plan(walled.host, recipe_for(walled)) if s.resource.kind() == "firewall_rule"
    ]
    assert {step.status for step in rules} == {"ok"}


OTHERS = """
table ip filter {
  chain users { tcp dport 22 accept; tcp dport 443 accept; }
  chain INPUT {
    type filter hook input priority filter; policy drop;
    ct state established,related accept; jump users;
  }
}
"""


def test_a_chain_of_others_that_decides_is_named(
    walled: Walled, converge: Converge, plan: Converge
) -> None:
    """Beside ufw, or any other base chain: whether packets pass is judged by a connection."""
    if walled.tool != "nftables":
        pytest.skip("iptables: the chains of cook come first in the same tables, and decide")
    walled.run(f"printf '%s' '{OTHERS}' | nft -f -")
    rules = 'firewall_rule("web", port=80)\nfirewall_rule("tls", port=443)'
    for steps in (
        plan(walled.host, rules),
        converge(walled.host, rules),
        plan(walled.host, rules),
    ):
        [web, tls] = [step_json(step)["note"] for step in steps]
        assert web is not None
        assert web.startswith("the chain ip filter INPUT of others may still drop")
        assert tls is None
    assert not _open(walled, 80)
    assert _open(walled, 80, six=True)
    assert _open(walled, 443)

    walled.run("nft add rule ip filter users tcp dport 80 accept")
    assert [step_json(step)["note"] for step in plan(walled.host, rules)] == [None, None]
    assert _open(walled, 80)
