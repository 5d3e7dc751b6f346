"""The sample cookbooks go back, but for what is named; and come again."""

from __future__ import annotations

from typing import Any

import pytest

from cookbook.kitchen import KitchenHost
from tests.on_hosts.conftest import Cook
from tests.on_hosts.manifest import difference, failures, state

pytestmark = pytest.mark.hosts

WEBSERVER = "sample_cookbooks/webserver/webserver.py"
DATABASE = "sample_cookbooks/database/database.py"
OWN_TYPES = "sample_cookbooks/own_types/own_types.py"


def lost(document: dict[str, Any]) -> dict[str, str]:
    [host] = document["hosts"].values()
    return {r["id"]: r["lost"] for r in host["resources"] if r["lost"]}


def test_webserver(fresh_host: KitchenHost, cook: Cook) -> None:
    fresh_host.run("su admin -c 'sudo true'; apt-get update")
    before = state(fresh_host)
    done = cook(fresh_host, "converge", WEBSERVER)
    assert done["status"] == 0, failures(done)
    after = state(fresh_host)

    looked = cook(fresh_host, "undo", "last", "--partial")
    assert looked["status"] == 2, failures(looked)
    assert list(lost(looked)) == ["execute[make a salt]", "directory[/srv/site]"]
    assert "it is not empty: /srv/site/salt" in lost(looked)["directory[/srv/site]"]
    assert cook(fresh_host, "undo", "last", "--yes")["status"] == 3

    undone = cook(fresh_host, "undo", "last", "--yes", "--partial")
    assert undone["status"] == 0, failures(undone)
    # Debian's nginx leaves a page when it is purged, and wants the network to be up.
    others = ("srv/site", "/var/www", "systemd-networkd-wait-online")
    changed = difference(before, state(fresh_host))
    left = [line for line in changed if not any(other in line for other in others)]
    assert left == [], "\n".join(left)

    redone = cook(fresh_host, "undo", "last", "--yes", "--partial")
    assert redone["status"] == 0, failures(redone)
    assert difference(after, state(fresh_host)) == []
    planned = cook(fresh_host, "plan", WEBSERVER)
    assert planned["status"] == 0, planned["hosts"]


def test_own_types(fresh_host: KitchenHost, cook: Cook) -> None:
    fresh_host.run("su admin -c 'sudo true'; apt-get update")
    before = state(fresh_host)
    done = cook(fresh_host, "converge", OWN_TYPES, "--set", "target=rescue")
    assert done["status"] == 0, failures(done)
    refused = cook(fresh_host, "undo", "last", "--yes")
    assert refused["status"] == 3  # the recipe's own word goes with the recipe
    looked = cook(fresh_host, "undo", "last", "--partial")
    assert list(lost(looked)) == ["default_target[rescue]"]
    undone = cook(fresh_host, "undo", "last", "--yes", "--partial")
    assert undone["status"] == 0, failures(undone)
    changed = difference(before, state(fresh_host))
    assert [line for line in changed if "default.target" not in line] == []


def test_database(fresh_host: KitchenHost, cook: Cook, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty database goes with its server; one with a table in it keeps all that it needs."""
    monkeypatch.setenv("COOK_SECRET_DATABASE_SHOP", "open sesame")
    fresh_host.run("su admin -c 'sudo true'; apt-get update")
    before = state(fresh_host)
    done = cook(fresh_host, "converge", DATABASE)
    assert done["status"] == 0, failures(done)
    table = "runuser -u postgres -- psql -XAtd shop -c '{} TABLE hats'"
    assert fresh_host.run(table.format("CREATE") + "'(n int)'").returncode == 0

    looked = cook(fresh_host, "undo", "last", "--partial")
    assert "its data would be lost: 1 tables" in lost(looked)["postgresql_database[shop]"]
    assert "it owns something in shop" in lost(looked)["postgresql_role[shop]"]
    assert cook(fresh_host, "undo", "last", "--yes")["status"] == 3
    assert fresh_host.run(table.format("DROP")).returncode == 0

    undone = cook(fresh_host, "undo", "last", "--yes", "--partial")
    assert undone["status"] == 0, failures(undone)
    # Users of packages stay, and the purge of packages that came along removes what they own.
    others = ("postgres", "ssl-cert", "etc/default/locale", "var/lib/ucf")
    changed = difference(before, state(fresh_host))
    left = [line for line in changed if not any(other in line for other in others)]
    assert left == [], "\n".join(left)
    assert fresh_host.run("test -e /usr/bin/psql || test -d /etc/postgresql/15").returncode == 1


def test_a_repair_of_the_firewall_is_not_taken_back(fresh_host: KitchenHost, cook: Cook) -> None:
    """Rules that were saved and not loaded are a fault: no undo opens the host again."""
    recipe = """
firewall_rule("ssh", port=22)
firewall_rule("web", port=[80, 443])
firewall_rule("default", command="deny", protocol="none", position=100)
file("/etc/repaired", content="x")
"""
    assert cook(fresh_host, "converge", recipe=recipe)["status"] == 0
    assert fresh_host.run("nft flush chain inet cook input; rm /etc/repaired").returncode == 0
    repaired = cook(fresh_host, "converge", recipe=recipe)
    assert repaired["totals"]["changed"] == 4, failures(repaired)
    rules = fresh_host.run("nft list table inet cook").stdout
    assert rules.count("cook ") >= 3

    refused = cook(fresh_host, "undo", "last", "--yes")
    assert refused["status"] == 3
    assert "was saved, and not loaded" in str(failures(refused)) + refused["stderr"]
    assert fresh_host.run("nft list table inet cook").stdout == rules

    undone = cook(fresh_host, "undo", "last", "--yes", "--partial")
    assert undone["status"] == 0, failures(undone)
    assert fresh_host.run("nft list table inet cook").stdout == rules
    assert fresh_host.run("test -e /etc/repaired").returncode == 1
    assert cook(fresh_host, "plan", recipe=recipe)["totals"]["changed"] == 1
