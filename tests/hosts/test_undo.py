"""
Converge, undo, redo: the host is as before. Each resource type alone: tests/life.

Judged by a manifest of the whole host that is made by other means than our own probes.
"""

from __future__ import annotations

import pytest

from cookbook.kitchen import KitchenHost
from tests.hosts.conftest import Cook
from tests.hosts.manifest import difference, failures, state

pytestmark = pytest.mark.hosts

RECIPE = """
file("/etc/systemd/system/tick.service", content="[Unit]\\nDescription=tick\\n"
     "[Service]\\nExecStart=/bin/sleep 1000\\n[Install]\\nWantedBy=multi-user.target\\n",
     notifies=[delayed("restart", "service[tick]")])
service("tick", action=["enable", "start"])
"""


def test_a_unit_that_comes_with_the_recipe_and_its_restart(
    fresh_host: KitchenHost, cook: Cook
) -> None:
    fresh_host.run("su admin -c 'sudo true'")
    there_and_back(fresh_host, cook, RECIPE)


def there_and_back(host: KitchenHost, cook: Cook, recipe: str) -> None:
    """Converge, look at the undo, undo, redo; and nothing is left to do."""
    before = state(host)

    done = cook(host, "converge", recipe=recipe)
    assert done["status"] == 0, failures(done)
    assert done["totals"]["changed"] > 0
    after = state(host)
    assert difference(before, after) != []

    looked = cook(host, "undo", "last")
    assert looked["status"] == 2, failures(looked)
    assert difference(after, state(host)) == []  # looking changes nothing

    undone = cook(host, "undo", "last", "--yes")
    assert undone["status"] == 0, failures(undone)
    assert difference(before, state(host)) == []

    redone = cook(host, "undo", "last", "--yes")
    assert redone["status"] == 0, failures(redone)
    assert difference(after, state(host)) == []

    again = cook(host, "plan", recipe=recipe)
    assert again["status"] == 0, again["hosts"]


def test_a_home_that_goes_is_said_to_be_lost(fresh_host: KitchenHost, cook: Cook) -> None:
    fresh_host.run(
        "su admin -c 'sudo true'; useradd -u 4001 -m -s /bin/bash -c Ann -G users ann;"
        " echo ann:secret | chpasswd; echo mine >~ann/mine"
    )
    before = state(fresh_host)
    done = cook(fresh_host, "converge", recipe='user("ann", action="remove", manage_home=True)\n')
    assert done["status"] == 0, failures(done)

    looked = cook(fresh_host, "undo", "last")
    [step] = looked["hosts"][fresh_host.name]["resources"]
    assert step["lost"] == "what is in /home/ann"
    assert cook(fresh_host, "undo", "last", "--yes")["status"] == 3
    assert fresh_host.run("id ann").returncode == 1

    undone = cook(fresh_host, "undo", "last", "--yes", "--partial")
    assert undone["status"] == 0, failures(undone)
    assert [line for line in difference(before, state(fresh_host)) if "home/ann" not in line] == []
    assert fresh_host.run("stat -c %U ~ann").stdout == "ann\n"
