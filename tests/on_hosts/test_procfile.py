"""`procfile` scales an application, and restarts its processes one after the other."""

from __future__ import annotations

import pytest

from cookbook.kitchen import KitchenHost
from tests.on_hosts.conftest import Converge

pytestmark = pytest.mark.hosts

RECIPE = """
env_file("/etc/shop.env", variables={"WORD": node.vars.get("word", "one")})
procfile(
    "shop",
    processes={
        node.vars.get("type", "web"): node.vars.get("command", "sleep 1000"),
        "worker": "sleep 2000",
    },
    scale=node.vars.get("scale", {"web": 2}),
    env_file="/etc/shop.env",
    settle=0.3,
    # In a container systemd may miss that all processes of a unit have ended.
    settings={"TimeoutStopSec": 5},
)
if node.vars.get("notify"):
    execute("true", notifies=[delayed("restart", "procfile[shop]")])
"""


def pids(host: KitchenHost, *units: str) -> list[str]:
    said = [host.run(f"systemctl show -P MainPID shop-{unit}").stdout.strip() for unit in units]
    assert "0" not in said
    return said


def at(host: KitchenHost, unit: str, event: str) -> int:
    """When it last came up or went down, in microseconds."""
    shown = host.run(f"systemctl show -P {event}EnterTimestampMonotonic shop-{unit}")
    return int(shown.stdout)


def test_scale_touches_no_other_process_and_a_restart_goes_round(
    fresh_host: KitchenHost, converge: Converge
) -> None:
    host = fresh_host
    assert [s.status for s in converge(host, RECIPE)][:2] == ["changed", "changed"]
    assert [s.status for s in converge(host, RECIPE)][:2] == ["ok", "ok"]
    before = pids(host, "web@1", "worker@1")

    more = {"scale": {"web": 4}}
    assert [s.status for s in converge(host, RECIPE, variables=more)][1] == "changed"
    assert pids(host, "web@1", "worker@1") == before
    third = pids(host, "web@3", "web@4")
    less = {"scale": {"web": 3, "worker": 0}}
    assert [s.status for s in converge(host, RECIPE, variables=less)][1] == "changed"
    assert pids(host, "web@1", "web@3") == [before[0], third[0]]
    gone = host.run("ls /etc/systemd/system | grep -e web@4 -e worker; pgrep -fx 'sleep 2000'")
    assert gone.stdout == ""

    steps = converge(host, RECIPE, variables={**less, "word": "two"})
    assert steps[1].change is not None
    assert steps[1].change.act == "restart"
    assert not {before[0], third[0]} & {*pids(host, "web@1", "web@2", "web@3")}
    for first, second in (("web@1", "web@2"), ("web@2", "web@3")):
        assert at(host, first, "Active") < at(host, second, "Inactive")  # one is always there
    assert [s.status for s in converge(host, RECIPE, variables={**less, "word": "two"})][1] == "ok"

    # What does not start is taken back, with what it has replaced: a command, a type of process.
    runs = pids(host, "web@2", "web@3")
    for bad, named in (
        ({"command": "exit 3"}, "shop-web@1.service"),
        (
            {"command": "exit 3", "type": "front", "scale": {"worker": 0}},
            "shop-web@1.service, shop-web@2.service, shop-web@3.service",
        ),
    ):
        step = converge(host, RECIPE, variables={**less, "word": "two", **bad})[1]
        assert f"the former units are back, and run: {named}" in str(vars(step.error))
        pids(host, "web@1", "web@2", "web@3")
        if "type" not in bad:
            assert pids(host, "web@2", "web@3") == runs
        again = converge(host, RECIPE, variables={**less, "word": "two"})
        assert [s.status for s in again][1] == "ok"
    assert host.run("ls /etc/systemd/system | grep front").stdout == ""


def test_a_notification_restarts_all_of_them(fresh_host: KitchenHost, converge: Converge) -> None:
    converge(fresh_host, RECIPE)
    before = pids(fresh_host, "web@1", "web@2", "worker@1")
    converge(fresh_host, RECIPE, variables={"notify": True})
    after = pids(fresh_host, "web@1", "web@2", "worker@1")
    assert not {*before} & {*after}
