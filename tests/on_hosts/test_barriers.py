"""Three hosts that wait for one another, by SSH; what they did is judged by the times of files."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cookbook.kitchen import Kitchen, KitchenHost
from tests.on_hosts.conftest import command
from tests.waiting import until

pytestmark = pytest.mark.hosts

NAMES = ("web1", "web2", "web3")

RECIPE = """
from cookbook.recipe import barrier, hosts, node, run_once
from cookbook.resources import execute, file

file("/srv/before", content="x", mode="0644")
if node.name == "web3":
    execute("slow", command="sleep SLOW; touch /srv/slow", creates="/srv/slow")
barrier("met")
with run_once():
    file("/srv/once", content=node.name, mode="0644")
file("/srv/after", content=" ".join(h.facts.hostname for h in hosts()), mode="0644")
"""


@pytest.fixture(scope="module")
def three(kitchen: Kitchen) -> Iterator[list[KitchenHost]]:
    found = kitchen.up(names=NAMES)
    yield found
    kitchen.down(NAMES)


@pytest.fixture
def fresh(
    three: list[KitchenHost], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[KitchenHost]:
    monkeypatch.setenv("COOK_STATE", str(tmp_path / "state"))
    for host in three:
        host.run("rm -rf /srv/* /var/lib/cook")
    return three


def run(verb: str, kitchen: Kitchen, *words: str) -> dict[str, Any]:
    hosts = ("--hosts", str(kitchen.hosts_yml), "--output", "json", "--limit", ",".join(NAMES))
    return command(verb, *words, *hosts)


def recipe(folder: Path, slow: float | str) -> str:
    path = folder / "r.py"
    path.write_text(RECIPE.replace("SLOW", str(slow)))
    return str(path)


def written(host: KitchenHost, name: str) -> float:
    """When a file was made, by the clock that all hosts of this machine share."""
    return float(host.run(f"stat -c %.9Z /srv/{name}").stdout)


def test_three_hosts_wait_for_one_another(
    fresh: list[KitchenHost], kitchen: Kitchen, tmp_path: Path
) -> None:
    """With one fork, too; the plan does what it says, in that order; an undo leaves nothing."""
    planned = run("plan", kitchen, recipe(tmp_path, 0.5), "-o", str(tmp_path / "plan.json"))
    assert planned["status"] == 2
    assert not any(host.run("ls /srv").stdout for host in fresh)
    done = run("apply", kitchen, str(tmp_path / "plan.json"), "--forks", "1")

    assert done["status"] == 0, done["stderr"]
    assert [host.run("cat /srv/once").stdout for host in fresh] == ["web1", "", ""]
    assert {host.run("cat /srv/after").stdout for host in fresh} == {"web1 web2 web3"}
    assert max(written(host, "before") for host in fresh) < written(fresh[2], "slow")
    assert written(fresh[2], "slow") < written(fresh[0], "once")
    assert written(fresh[0], "once") < min(written(host, "after") for host in fresh)

    again = run("converge", kitchen, recipe(tmp_path, 0.5))
    assert (again["status"], again["totals"]["changed"]) == (0, 0)
    undone = run("undo", kitchen, done["run"], "--yes", "--partial", "--forks", "1")
    assert undone["status"] == 0, undone["stderr"]
    assert {host.run("ls /srv").stdout for host in fresh} <= {"", "slow\n"}


def test_a_connection_that_is_lost_while_a_host_waits_is_made_again(
    fresh: list[KitchenHost], kitchen: Kitchen, tmp_path: Path
) -> None:
    """Nothing is sent meanwhile; the lock is taken over from the shell that was cut off."""
    cut: list[str] = []

    def cut_off() -> None:
        try:
            until(fresh[1], "/srv/before")
            time.sleep(1)
            cut.append(fresh[1].run("cat /run/cook/lock; pkill -f 'sshd: [a-z]*@notty'").stdout)
        finally:
            fresh[2].run("touch /srv/go")  # until then the last host is not at the barrier

    thread = threading.Thread(target=cut_off)
    thread.start()
    done = run("converge", kitchen, recipe(tmp_path, "0; until [ -e /srv/go ]; do sleep 0.1; done"))
    thread.join()

    assert done["status"] == 0, done["stderr"]
    assert done["run"] in cut[0]  # it had the lock while it waited
    assert fresh[1].run("cat /srv/after").stdout == "web1 web2 web3"


def test_a_failure_on_one_stops_all_at_the_barrier(
    fresh: list[KitchenHost], kitchen: Kitchen, tmp_path: Path
) -> None:
    done = run("converge", kitchen, recipe(tmp_path, "0; exit 7"))

    assert done["status"] == 3
    assert [host["status"] for host in done["hosts"].values()] == ["failed"] * 3
    assert not any(host.run("ls /srv/once /srv/after").stdout for host in fresh)
    errors = [r["error"] for r in done["hosts"]["web1"]["resources"] if r["error"]]
    assert "barrier[met] was not reached on web3: execute[slow]" in errors[0]["message"]
