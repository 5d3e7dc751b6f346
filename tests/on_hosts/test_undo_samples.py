"""The sample cookbooks go back, but for what is named; and come again."""

from __future__ import annotations

from typing import Any

import pytest

from cookbook.kitchen import KitchenHost
from tests.on_hosts.conftest import Cook
from tests.on_hosts.manifest import difference, failures, state

pytestmark = pytest.mark.hosts

WEBSERVER = "sample_cookbooks/webserver/webserver.py"
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
    assert list(lost(looked)) == ["execute[make a favicon]", "directory[/srv/site]"]
    assert "it is not empty: /srv/site/favicon.ico" in lost(looked)["directory[/srv/site]"]
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
    done = cook(fresh_host, "converge", OWN_TYPES, "--set", "timezone=Europe/Paris")
    assert done["status"] == 0, failures(done)
    refused = cook(fresh_host, "undo", "last", "--yes")
    assert refused["status"] == 3  # the recipe's own word goes with the recipe
    looked = cook(fresh_host, "undo", "last", "--partial")
    assert list(lost(looked)) == ["timezone[Europe/Paris]"]
    undone = cook(fresh_host, "undo", "last", "--yes", "--partial")
    assert undone["status"] == 0, failures(undone)
    changed = difference(before, state(fresh_host))
    assert [line for line in changed if "/etc/localtime" not in line] == []
