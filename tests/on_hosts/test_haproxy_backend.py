"""`haproxy_backend`: what haproxy does not accept never goes live, and drains wait."""

from __future__ import annotations

import threading
import time

import pytest

from cookbook.kitchen import KitchenHost
from cookbook.planning.step import Step
from tests.on_hosts.conftest import Converge
from tests.waiting import eventually, listening

pytestmark = pytest.mark.hosts

GOOD = """
haproxy_backend("app", mode="tcp", bind="127.0.0.1:8801",
    servers={"a": {"address": "127.0.0.1", "port": 8811, "check": False},
             "b": {"address": "127.0.0.1", "port": 8812, "check": False}})
"""


@pytest.fixture(scope="module")
def balancer(module_host: KitchenHost) -> KitchenHost:
    """A host with Debian's haproxy as it comes, and two servers that answer what they are told."""
    done = module_host.run(
        "apt-get update -qq && apt-get install -y -qq --no-install-recommends haproxy socat &&"
        " for n in 1 2; do systemd-run -q --unit life-cat-$n"
        " socat TCP-LISTEN:881$n,fork,reuseaddr EXEC:'echo server '$n; done;"
        f" {listening(8811, 8812)}",
        timeout=900,
    )
    assert done.returncode == 0, done.stderr
    return module_host


def answer(host: KitchenHost, port: int = 8801) -> str:
    return host.run(f"socat -u TCP:127.0.0.1:{port} -").stdout


def shown(host: KitchenHost, server: str) -> list[str]:
    """What haproxy has counted of a server, by its columns."""
    stat = host.run("echo 'show stat' | socat - /run/haproxy/admin.sock").stdout
    [line] = [line for line in stat.splitlines() if line.startswith(f"app,{server},")]
    return line.split(",")


def state(host: KitchenHost, server: str) -> str:
    return shown(host, server)[17]


def as_before(host: KitchenHost) -> None:
    """Nothing of an attempt is left, and haproxy could start anew."""
    assert host.run("haproxy -c -f /etc/haproxy/haproxy.cfg").returncode == 0
    assert host.run("ls -A /run/cook-haproxy").stdout == ""
    assert ".cook" not in host.run("ls -A /etc/haproxy").stdout


def error(steps: list[Step]) -> str:
    [failed] = [step for step in steps if step.status == "failed"]
    return str(failed.error)


def test_a_backend_that_haproxy_does_not_accept_is_not_live(
    balancer: KitchenHost, converge: Converge, plan: Converge
) -> None:
    assert [s.status for s in plan(balancer, GOOD)] == ["changed"]
    assert [s.status for s in converge(balancer, GOOD)] == ["changed"]
    assert [s.status for s in converge(balancer, GOOD)] == ["ok"]
    assert answer(balancer).startswith("server")
    file = balancer.run("cat /etc/haproxy/haproxy.cfg").stdout
    bad = GOOD.replace('"app"', '"app", options="blance x"')
    said = error(converge(balancer, bad))
    assert "unknown keyword 'blance'" in said
    assert "[/etc/haproxy/haproxy.cfg:" in said
    assert "haproxy does not accept the new file" in said
    assert balancer.run("cat /etc/haproxy/haproxy.cfg").stdout == file
    assert answer(balancer).startswith("server")
    as_before(balancer)


def test_a_port_of_another_program(balancer: KitchenHost, converge: Converge) -> None:
    said = error(converge(balancer, GOOD.replace("8801", "8811")))
    assert "haproxy goes on with its former configuration" in said
    assert "127.0.0.1:8811" in said
    assert answer(balancer).startswith("server")
    as_before(balancer)


def test_a_drain_waits_and_survives_a_reload(
    balancer: KitchenHost, converge: Converge, plan: Converge
) -> None:
    balancer.run(
        "systemctl stop life-cat-1; systemd-run -q --unit life-hold socat"
        f" TCP-LISTEN:8811,fork,reuseaddr EXEC:cat; {listening(8811)}"
    )
    only = 'haproxy_backend("app/b", action="maintenance")\n'
    assert [s.status for s in converge(balancer, only)] == ["changed"]
    assert state(balancer, "b") == "MAINT"
    # A client stays until it may go.
    balancer.run(
        "printf '#!/bin/sh\\nuntil [ -e /run/go ]; do sleep 0.1; done\\n' >/usr/local/bin/stay;"
        " chmod 755 /usr/local/bin/stay; rm -f /run/go;"
        " systemd-run -q --unit life-client socat EXEC:/usr/local/bin/stay TCP:127.0.0.1:8801"
    )
    eventually(lambda: shown(balancer, "a")[4] == "1")
    drain = 'haproxy_backend("app/a", action="drain", timeout={})\n'
    assert "it still has 1 sessions after 1 s" in error(converge(balancer, drain.format(1)))
    assert state(balancer, "a") == "DRAIN"
    [step] = plan(balancer, drain.format(1))
    assert (step.status, step.change and step.change.warning) == ("ok", "it still has 1 sessions")
    balancer.run("echo 'set server app/a state ready' | socat - /run/haproxy/admin.sock")
    let_go: list[bool] = []

    def let_it_go() -> None:
        eventually(lambda: state(balancer, "a") == "DRAIN")
        time.sleep(1)
        let_go.append(True)
        balancer.run("touch /run/go")

    thread = threading.Thread(target=let_it_go)
    thread.start()
    assert [s.status for s in converge(balancer, drain.format(120))] == ["changed"]
    assert let_go, "it has not waited"
    thread.join()
    assert balancer.run("systemctl is-active life-client").stdout != "active\n"
    more = GOOD.replace('mode="tcp"', 'mode="tcp", balance="leastconn"')
    assert [s.status for s in plan(balancer, more + drain.format(1))] == ["changed", "ok"]
    assert [s.status for s in converge(balancer, more + drain.format(1))] == ["changed", "ok"]
    assert (state(balancer, "a"), state(balancer, "b")) == ("DRAIN", "MAINT")
    ready = 'haproxy_backend("app/a", action="ready")\nhaproxy_backend("app/b", action="enable")\n'
    assert [s.status for s in converge(balancer, ready)] == ["changed", "changed"]
    assert (state(balancer, "a"), state(balancer, "b")) == ("no check", "no check")
    balancer.run("systemctl stop life-hold")


def test_a_server_that_is_not_there_is_named(balancer: KitchenHost, plan: Converge) -> None:
    [step] = plan(balancer, 'haproxy_backend("app/z", action="drain")\n')
    assert step.status == "failed"
    assert "haproxy server app/z" in str(step.error)


def test_an_interrupted_change_is_loaded(balancer: KitchenHost, converge: Converge) -> None:
    converge(balancer, GOOD)
    pid = balancer.run("echo 'show info' | socat - /run/haproxy/admin.sock | grep ^Pid").stdout
    balancer.run(": >/run/cook-haproxy/changed")
    assert [s.status for s in converge(balancer, GOOD)] == ["changed"]
    assert balancer.run("echo 'show info' | socat - /run/haproxy/admin.sock").stdout.find(pid) < 0
    assert [s.status for s in converge(balancer, GOOD)] == ["ok"]


def test_two_backends_are_one_reload(balancer: KitchenHost, converge: Converge) -> None:
    count = "journalctl --sync; journalctl -u haproxy -o cat | grep -c '^Reloaded'"
    before = int(balancer.run(count).stdout)
    two = "".join(
        f'haproxy_backend("more-{n}", servers={{"a": "127.0.0.1:8811"}})\n' for n in (1, 2)
    )
    assert [s.status for s in converge(balancer, two)] == ["changed", "changed"]
    assert int(balancer.run(count).stdout) == before + 1


def test_a_stopped_haproxy_is_not_started(
    balancer: KitchenHost, converge: Converge, plan: Converge
) -> None:
    balancer.run("systemctl stop haproxy")
    assert [s.status for s in converge(balancer, GOOD.replace("tcp", "http"))] == ["changed"]
    assert balancer.run("systemctl is-active haproxy").stdout == "inactive\n"
    [step] = plan(balancer, 'haproxy_backend("app/a", action="drain")\n')
    assert "haproxy does not answer at /run/haproxy/admin.sock" in str(step.error) or (
        "haproxy server app/a" in str(step.error)
    )
    balancer.run("systemctl start haproxy")
