"""`app_service` restarts a process exactly if what it was started with has changed since."""

from __future__ import annotations

import secrets

import pytest

from cookbook.errors import CommandError
from cookbook.kitchen import KitchenHost
from cookbook.planning.step import Step
from tests.on_hosts.conftest import Converge, Cook
from tests.waiting import eventually

pytestmark = pytest.mark.hosts

RECIPE = """
from cookbook.secrets.secret import Secret
user("app", system=True)
env_file("/etc/app.env", variables={"WORD": Secret(node.vars.get("word", "first-word"))})
link("/srv/current", to=node.vars.get("release", "/srv/1"))
app_service(
    "app",
    user="app",
    command=["/bin/sleep", "1000"],
    env_file="/etc/app.env",
    restart_on="/srv/current",
    settle=0.2,
    **node.vars.get("more", {}),
)
"""


def shown(host: KitchenHost) -> str:
    """The process that systemd knows, or 0."""
    return host.run("systemctl show -P MainPID app").stdout.strip()


def pid(host: KitchenHost) -> str:
    """The process that serves; each start has another one."""
    said = shown(host)
    assert said not in ("", "0")
    return said


def word(host: KitchenHost) -> str:
    """What the process was given."""
    return host.run(f"grep ^WORD= /proc/{pid(host)}/environ -z | tr -d '\\0'").stdout


def statuses(steps: list[Step]) -> list[str]:
    return [step.status for step in steps]


def changed(step: Step) -> object:
    """What the plan gives as the reason of a restart."""
    assert step.change is not None
    assert step.change.act == "restart"
    return step.change.fields.get("changed")


def test_it_is_restarted_for_what_has_changed_and_for_nothing_else(
    fresh_host: KitchenHost, converge: Converge, plan: Converge
) -> None:
    host = fresh_host
    host.run("mkdir -p /srv/1 /srv/2")
    fresh = plan(host, RECIPE)
    assert statuses(fresh) == ["changed", "changed", "changed", "unknown"]
    assert statuses(converge(host, RECIPE)) == ["changed"] * 4
    first = pid(host)
    assert word(host) == "WORD=first-word"
    assert host.run(f"stat -c %U /proc/{first}").stdout == "app\n"
    assert statuses(converge(host, RECIPE)) == ["ok"] * 4
    assert pid(host) == first

    # Another secret, another release, another drop-in: each restarts it, once.
    new = {"word": f"cnry{secrets.token_hex(8)}"}
    steps = converge(host, RECIPE, variables=new)
    assert statuses(steps) == ["ok", "changed", "ok", "changed"]
    assert changed(steps[3]) == (("/etc/app.env",), ())
    assert word(host) == f"WORD={new['word']}"
    assert not any("cnry" in str(step.change) for step in steps)
    second = pid(host)

    steps = converge(host, RECIPE, variables={**new, "release": "/srv/2"})
    assert changed(steps[3]) == (("/srv/current",), ())
    assert pid(host) not in (first, second)
    host.run("mkdir /etc/systemd/system/app.service.d; cd /etc/systemd/system/app.service.d;"
             " printf '[Service]\\nNice=5\\n' >nice.conf; systemctl daemon-reload")  # fmt: skip
    steps = converge(host, RECIPE, variables={**new, "release": "/srv/2"})
    assert changed(steps[3]) == (("/etc/systemd/system/app.service.d/nice.conf",), ())
    assert host.run("systemctl show -P Nice app").stdout == "5\n"
    host.run("rm /etc/systemd/system/app.service.d/nice.conf; systemctl daemon-reload")
    assert pid(host) == (third := pid(host))
    steps = converge(host, RECIPE, variables={**new, "release": "/srv/2"})
    assert statuses(steps) == ["ok", "ok", "ok", "changed"]
    assert pid(host) != third
    assert host.run("systemctl show -P Nice app").stdout == "0\n"


def test_a_plan_knows_what_runs_not_what_cook_did(
    fresh_host: KitchenHost, converge: Converge, plan: Converge
) -> None:
    host = fresh_host
    host.run("mkdir -p /srv/1 /srv/2")
    converge(host, RECIPE)

    # Written again with the same content, and started by hand: there is nothing to do.
    host.run("cp /etc/app.env /etc/new; cat /etc/new >/etc/app.env; chmod 600 /etc/app.env")
    host.run("systemctl restart app")
    killed = pid(host)
    host.run(f"kill -9 {killed}")
    eventually(lambda: shown(host) not in (killed, "0"))
    assert statuses(plan(host, RECIPE)) == ["ok"] * 4

    # Changed by hand, and by cook brought back: it runs with the file as it is.
    host.run("echo WORD=by-hand >/etc/app.env")
    before = pid(host)
    steps = plan(host, RECIPE)
    assert statuses(steps)[:3] == ["ok", "changed", "ok"]
    assert statuses(converge(host, RECIPE))[1] == "changed"
    assert pid(host) == before  # what runs has never read the other file
    host.run("echo WORD=by-hand >/etc/app.env; systemctl restart app")
    assert word(host) == "WORD=by-hand"
    steps = converge(host, RECIPE)
    assert changed(steps[3]) == (("/etc/app.env",), ())
    assert word(host) == "WORD=first-word"

    # A unit that was edited, and read by systemd: the text comes back, and is in force.
    host.run("sed -i s/^RestartSec.*/RestartSec=77/ /etc/systemd/system/app.service")
    host.run("systemctl daemon-reload; systemctl restart app")
    steps = converge(host, RECIPE)
    assert steps[3].change is not None
    assert steps[3].change.act == "restart"
    assert host.run("systemctl show -P RestartUSec app").stdout == "1s\n"
    assert statuses(converge(host, RECIPE)) == ["ok"] * 4


def test_an_undo_brings_back_what_ran(fresh_host: KitchenHost, cook: Cook) -> None:
    host = fresh_host
    host.run("mkdir -p /srv/1 /srv/2")
    assert cook(host, "converge", recipe=RECIPE)["status"] == 0
    later = RECIPE.replace("first-word", "second-word").replace("settle=0.2", "nofile=99,settle=.2")
    assert cook(host, "converge", recipe=later)["status"] == 0
    assert word(host) == "WORD=second-word"
    assert cook(host, "undo", "last", "--yes")["status"] == 0
    assert word(host) == "WORD=first-word"
    assert cook(host, "drift", recipe=RECIPE)["status"] == 0


def test_what_does_not_run_is_said_with_its_journal(
    fresh_host: KitchenHost, converge: Converge
) -> None:
    bad = 'app_service("app", command=["/bin/sh", "-c", "echo no database; exit 3"], settle=1)'
    [step] = converge(fresh_host, bad)
    assert step.status == "failed"
    assert isinstance(step.error, CommandError)
    assert "no database" in str(step.error)

    wrong = 'app_service("app", command="/bin/true", settings={"ProtectSystm": "strict"})'
    before = fresh_host.run("cat /etc/systemd/system/app.service").stdout
    [step] = converge(fresh_host, wrong)
    assert step.status == "failed"
    assert fresh_host.run("cat /etc/systemd/system/app.service").stdout == before
