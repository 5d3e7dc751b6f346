"""Runs that end in the middle, hands that were there since, places where nothing can be kept."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cookbook.kitchen import Kitchen, KitchenHost
from tests.on_hosts.conftest import HEADING, ROOT, Cook
from tests.on_hosts.manifest import difference, failures, state
from tests.waiting import eventually, until

pytestmark = pytest.mark.hosts

PREPARED = """
su admin -c 'sudo true'; echo old >/etc/old; mkdir -p /srv/gone; echo x >/srv/gone/x
useradd -m ann; rm -rf /var/lib/cook /tmp/waiting /tmp/go
"""

RECIPE = """
file("/etc/new", content="new\\n", mode="600")
file("/etc/old", content="changed\\n")
directory("/srv/gone", action="delete", recursive=True)
group("app", gid=4100)
user("deploy", uid=4100, gid="app", manage_home=True)
user("ann", shell="/bin/bash")
"""

WAITING = """
execute("wait", command="touch /tmp/waiting; until [ -e /tmp/go ]; do sleep 0.1; done", returns=0)
link("/srv/link", to="/etc/old")
cron("job", minute="5", command="echo job")
"""


@pytest.fixture
def prepared(fresh_host: KitchenHost) -> KitchenHost:
    assert fresh_host.run(PREPARED).returncode == 0
    return fresh_host


def named(document: dict[str, Any]) -> dict[str, str]:
    [host] = document["hosts"].values()
    return {r["id"]: str(r["error"] or r["lost"] or "") for r in host["resources"]}


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT], ids=["kill -9", "ctrl-c"])
def test_a_run_that_was_cut_off_goes_back(
    prepared: KitchenHost, kitchen: Kitchen, cook: Cook, tmp_path: Path, ending: signal.Signals
) -> None:
    before = state(prepared)
    recipe = tmp_path / "r.py"
    recipe.write_text(HEADING + RECIPE + WAITING)
    words = ["converge", str(recipe), "--hosts", str(kitchen.hosts_yml), "--limit", prepared.name]
    silent = subprocess.DEVNULL
    process = subprocess.Popen(
        [sys.executable, "-m", "cookbook.cli", *words], cwd=ROOT, stdout=silent, stderr=silent
    )
    until(prepared, "/tmp/waiting")
    process.send_signal(ending)
    if ending == signal.SIGINT:  # the host knows then that nothing more is to be done
        eventually(lambda: prepared.run("ls /var/lib/cook/.halt-*").returncode == 0)
    else:
        process.wait(timeout=300)
    prepared.run("touch /tmp/go")
    process.wait(timeout=300)
    # The shell on the host ends what it is at; until then it has the lock.
    eventually(lambda: prepared.run("flock -n /run/cook/lock true").returncode == 0)

    refused = cook(prepared, "undo", "last", "--yes")
    assert refused["status"] == 3
    looked = cook(prepared, "undo", "last", "--partial")
    # Of what was not answered nobody knows where the folder is kept.
    missed = {"directory[/srv/gone]"} if ending == signal.SIGKILL else set()
    assert {name for name, why in named(looked).items() if why} == {"execute[wait]", *missed}
    undone = cook(prepared, "undo", "last", "--yes", "--partial")
    assert undone["status"] == 0, failures(undone)
    changed = difference(before, state(prepared))
    others = [line for line in changed if "srv/gone" not in line and "./etc/old f" not in line]
    assert (others if missed else changed) == []


HANDS = {
    "file[/etc/old]": "echo by hand >/etc/old",
    "file[/etc/new]": "rm /etc/new; ln -s /etc/hostname /etc/new",
    "directory[/srv/gone]": "mkdir /srv/gone; echo mine >/srv/gone/mine",
    "user[deploy]": "echo mine >/home/deploy/mine",
    "user[ann]": "usermod -s /bin/dash ann",
}


def test_what_a_hand_has_changed_is_named_and_stays(prepared: KitchenHost, cook: Cook) -> None:
    before = state(prepared)
    done = cook(prepared, "converge", recipe=RECIPE)
    assert done["status"] == 0, failures(done)
    assert prepared.run("; ".join(HANDS.values())).returncode == 0
    edited = state(prepared)

    refused = cook(prepared, "undo", "last", "--yes")
    assert refused["status"] == 3
    assert {name for name, why in named(refused).items() if why} == {*HANDS, "group[app]"}
    assert difference(edited, state(prepared)) == []

    partial = cook(prepared, "undo", "last", "--yes", "--partial")
    assert partial["status"] == 0, failures(partial)
    left = {"/etc/old", "/etc/new", "/srv/gone", "ann:", "deploy", "app"}
    changed = difference(before, state(prepared))
    others = [line for line in changed if not any(name.lstrip("/") in line for name in left)]
    assert others == []
    assert prepared.run("cat /etc/old /srv/gone/mine").stdout == "by hand\nmine\n"


def test_where_nothing_can_be_kept_a_run_works(prepared: KitchenHost, cook: Cook) -> None:
    prepared.run("mkdir /mnt/ro /var/lib/cook; mount -t tmpfs -o ro none /var/lib/cook")
    done = cook(prepared, "converge", recipe=RECIPE)
    assert done["status"] == 0, failures(done)
    assert cook(prepared, "plan", recipe=RECIPE)["status"] == 0
    refused = cook(prepared, "undo", "last", "--yes")
    assert refused["status"] == 3
    assert {name for name, why in named(refused).items() if "kept" in why or "stash" in why} == {
        "file[/etc/old]",
        "directory[/srv/gone]",
    }


def test_who_is_not_root_keeps_it_at_home(
    prepared: KitchenHost, kitchen: Kitchen, cook: Cook
) -> None:
    text = kitchen.hosts_yml.read_text().replace("become: sudo", "become: none")
    hosts = kitchen.hosts_yml.with_name("without-sudo.yml")  # beside its keys
    hosts.write_text(text)
    before = state(prepared)
    recipe = 'file("/home/admin/new", content="x")\nfile("/home/admin/.profile", content="x")\n'
    done = cook(prepared, "converge", recipe=recipe, inventory=hosts)
    assert done["status"] == 0, failures(done)
    found = prepared.run("cd /home/admin/.local/state/cook && stat -c '%a %U' . stash stash/*")
    assert set(found.stdout.split("\n")) == {"700 admin", "600 admin", ""}
    assert prepared.run("test -e /var/lib/cook").returncode == 1
    undone = cook(prepared, "undo", "last", "--yes", inventory=hosts)
    assert undone["status"] == 0, failures(undone)
    changed = difference(before, state(prepared))
    assert [line for line in changed if "/.local" not in line] == []


def test_a_part_of_a_run_goes_back_host_by_host(
    prepared: KitchenHost, kitchen: Kitchen, cook: Cook, tmp_path: Path
) -> None:
    [other] = kitchen.up(names=["other"])
    recipe = tmp_path / "r.py"
    recipe.write_text(f'{HEADING}file("/etc/new", content="new\\n")\n')
    done = cook(prepared, "converge", str(recipe), "--limit", other.name)
    assert done["totals"]["changed"] == 2, done
    undone = cook(prepared, "undo", "last", "--yes")
    assert undone["status"] == 0, failures(undone)
    assert prepared.run("test -e /etc/new").returncode == 1
    assert other.run("test -e /etc/new").returncode == 0
    kitchen.down(["other"])


def test_a_home_that_goes_is_said_to_be_lost(prepared: KitchenHost, cook: Cook) -> None:
    prepared.run(
        "usermod -u 4001 -s /bin/bash -c Ann -G users ann; echo ann:secret | chpasswd;"
        " echo mine >~ann/mine"
    )
    before = state(prepared)
    done = cook(prepared, "converge", recipe='user("ann", action="remove", manage_home=True)\n')
    assert done["status"] == 0, failures(done)

    looked = cook(prepared, "undo", "last")
    [step] = looked["hosts"][prepared.name]["resources"]
    assert step["lost"] == "what is in /home/ann"
    assert cook(prepared, "undo", "last", "--yes")["status"] == 3
    assert prepared.run("id ann").returncode == 1

    undone = cook(prepared, "undo", "last", "--yes", "--partial")
    assert undone["status"] == 0, failures(undone)
    assert [line for line in difference(before, state(prepared)) if "home/ann" not in line] == []
    assert prepared.run("stat -c %U ~ann").stdout == "ann\n"
