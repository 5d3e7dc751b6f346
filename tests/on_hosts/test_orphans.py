"""What has left the recipe, on a real host: named, pruned only if it is ours, and back again."""

from __future__ import annotations

from typing import Any

import pytest

from cookbook.kitchen import KitchenHost
from tests.on_hosts.conftest import Cook
from tests.on_hosts.manifest import difference, failures, state
from tests.on_hosts.test_package import SOURCES, do, offer
from tests.texts import check_document

pytestmark = pytest.mark.hosts

PREPARED = """
su admin -c 'sudo true'; useradd -m theirs; printf '1 2 3 4 5 echo mine\\n' | crontab -
"""

EVERYTHING = """
package("app")
group("web", gid=4200)
user("deploy", uid=4200, gid="web", manage_home=True)
directory("/srv/site", owner="deploy")
file("/srv/site/index", content="hello", owner="deploy")
link("/srv/link", to="site")
cron("ours", minute="5", command="echo ours")
firewall_rule("ssh", port=22)
user("theirs")
service("cron", action=["enable", "start"])
"""

NOTHING = 'file("/etc/kept", content="kept")\n'


@pytest.fixture
def host(fresh_host: KitchenHost) -> KitchenHost:
    offer(
        fresh_host,
        "build library 1.0; build app 1.0 'Depends: library'; build plug 1.0 'Depends: app'",
    )
    do(fresh_host, f"{SOURCES}\napt-get update; {PREPARED}")
    return fresh_host


def statuses(document: dict[str, Any]) -> dict[str, str]:
    [told] = document["hosts"].values()
    return {r["id"]: r["status"] for r in told["resources"]}


def test_pruned_and_back(host: KitchenHost, cook: Cook) -> None:
    before = state(host)
    done = cook(host, "converge", recipe=EVERYTHING)
    assert done["status"] == 0, failures(done)
    full = state(host)

    planned = cook(host, "plan", recipe=NOTHING)
    left = [i for i, status in statuses(planned).items() if status == "orphaned"]
    assert left == [
        "user[theirs]",
        "firewall_rule[ssh]",
        "cron[ours]",
        "link[/srv/link]",
        "file[/srv/site/index]",
        "directory[/srv/site]",
        "user[deploy]",
        "group[web]",
        "package[app]",
    ]
    check_document("C61-orphans", planned)
    pruned = cook(host, "converge", "--prune", recipe=NOTHING)
    assert pruned["status"] == 0, failures(pruned)
    assert statuses(pruned)["user[theirs]"] == "orphaned"
    changed = [line for line in difference(before, state(host)) if "etc/kept" not in line]
    assert [line for line in changed if "library" not in line] == []  # what apt calls unused

    looked = cook(host, "undo", "last", "--partial")
    lost = {r["id"]: r["lost"] for r in looked["hosts"][host.name]["resources"] if r["lost"]}
    assert lost == {"user[deploy]": "what is in /home/deploy"}  # nothing but /etc/skel
    undone = cook(host, "undo", "last", "--yes", "--partial")
    assert undone["status"] == 0, failures(undone)
    assert difference(full, state(host)) == []
    again = cook(host, "plan", "--prune", recipe=NOTHING)
    assert list(statuses(again).values()).count("changed") == 9  # the kept file, and 8 of ours


def test_what_others_need_is_named_and_stays(host: KitchenHost, cook: Cook) -> None:
    assert cook(host, "converge", recipe=EVERYTHING)["status"] == 0
    do(host, "apt-get install -y plug; echo mine >/home/deploy/mine")
    before = state(host)
    planned = cook(host, "plan", "--prune", recipe=NOTHING)
    assert planned["status"] == 3
    pruned = cook(host, "converge", "--prune", recipe=NOTHING)
    assert pruned["status"] == 3
    assert "would go, too: plug" in str(failures(pruned))
    assert "in its home: /home/deploy/mine" in str(failures(pruned))
    changed = [line for line in difference(before, state(host)) if "etc/kept" not in line]
    assert changed == []


def test_each_thing_of_a_list_and_of_a_user_is_pruned_by_itself(
    host: KitchenHost, cook: Cook
) -> None:
    """A package that leaves a list, and a job that moves to another user's crontab."""
    do(host, "useradd -m ann; useradd -m bob")
    packages = 'package("tools", package_name=["app", "plug"])\n'
    first = packages + 'cron("job", command="true", user="ann")\n'
    later = 'package("app")\ncron("job", command="true", user="bob")\n'
    assert cook(host, "converge", recipe=first)["status"] == 0
    [told] = cook(host, "plan", recipe=later)["hosts"].values()
    left = [resource["id"] for resource in told["resources"] if resource["status"] == "orphaned"]
    assert left == ["cron[job]", "package[plug]"]
    done = cook(host, "converge", "--prune", recipe=later)
    assert done["status"] == 0, failures(done)
    listed = "dpkg-query -W -f '${db:Status-Status} ${Package}\\n' app plug"
    assert "installed app" in host.run(listed).stdout.splitlines()
    assert "installed plug" not in host.run(listed).stdout.splitlines()
    assert "cook: job" not in host.run("crontab -u ann -l").stdout
    assert "cook: job" in host.run("crontab -u bob -l").stdout
    assert cook(host, "plan", "--prune", recipe=later)["status"] == 0
