"""
The link is reset or goes silent at any moment of a run (part C of the needs: 1, 2, 3).

Whatever is said of a resource is so on the host, and the next run brings it into line.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.relay import Link, Relay
from cookbook.kitchen import Kitchen, KitchenHost
from tests.faults.running import Start, Told, told

pytestmark = pytest.mark.hosts

RECIPE = """
for i in range(6):
    file(f"/etc/link-{i}", content=str(i) * 2000)
file("/etc/link-last", content="x", notifies=[delayed("run", "execute[notified]")])
execute("notified", command="sleep 0.5; echo x >>/etc/link-notified", action="nothing")
"""


@pytest.fixture
def relay(module_host: KitchenHost) -> Iterator[Relay]:
    module_host.run("rm -rf /etc/link-* /var/lib/cook")
    with Relay([(module_host.address, 22)]) as relay:
        yield relay


@pytest.fixture
def hosts(kitchen: Kitchen, module_host: KitchenHost, relay: Relay, tmp_path: Path) -> Path:
    """The inventory of the host as it is behind the relay."""
    [port] = relay.ports
    known = kitchen.known_hosts.read_text().splitlines()
    keys = [line.split(None, 1)[1] for line in known if line.startswith(f"{module_host.name},")]
    assert keys
    (tmp_path / "known").write_text("".join(f"[127.0.0.1]:{port} {key}\n" for key in keys))
    path = tmp_path / "hosts.yml"
    path.write_text(
        f"defaults: {{user: admin, become: sudo, identity_file: {kitchen.identity},"
        f" known_hosts: {tmp_path}/known, alive_interval: 1}}\n"
        f"hosts:\n  far: {{address: 127.0.0.1, port: {port}}}\n"
    )
    return path


def is_true(host: KitchenHost, said: Told) -> None:
    """Nothing is called changed that is not so."""
    for one in said.host["resources"]:
        kind, _, name = one["id"].removesuffix("]").partition("[")
        if kind == "file" and one["status"] in ("changed", "ok"):
            number = name.rpartition("-")[2]
            wanted = number * 2000 if number.isdigit() else "x"
            assert host.run(f"cat {name}").stdout == wanted, one


LINKS = [
    *(Link(after=after, then="silent") for after in (0, 2500, 4000, 7000, 9000)),
    *(Link(after=after, then="reset") for after in (0, 2500, 5500, 9000)),
]
"""Bytes that the first connection still carries: from its banner to the last answer."""


@pytest.mark.parametrize("link", LINKS, ids=lambda link: f"{link.then} after {link.after}")
def test_it_is_lost_at_any_moment(
    start: Start, module_host: KitchenHost, relay: Relay, hosts: Path, link: Link
) -> None:
    relay.set(link)
    run = start(module_host, RECIPE, hosts=hosts)
    time.sleep(1.5)
    relay.set(Link())  # whoever comes now gets through
    said = told(run, within=60)

    is_true(module_host, said)
    states = set(said.statuses)
    if said.exit == 0:
        assert states <= {"ok", "changed"}
        assert said.host["status"] in ("ok", "changed")
    else:
        assert said.host["status"] in ("unreachable", "timeout", "failed"), said
        assert said.host["error"] or any(one["error"] for one in said.host["resources"])

    again = told(start(module_host, RECIPE, "--wait", "60s", hosts=hosts))
    assert again.exit == 0, again
    third = told(start(module_host, RECIPE, hosts=hosts))
    assert third.document["totals"].get("changed", 0) == 0
    is_true(module_host, third)
    assert module_host.run("cat /etc/link-notified").stdout.splitlines() == ["x"]


def test_a_link_that_goes_silent_in_a_long_command_is_made_anew(
    start: Start, module_host: KitchenHost, relay: Relay, hosts: Path
) -> None:
    """The command goes on, once; its shell, which the host still takes for ours, is ended."""
    recipe = """
file("/etc/link-1", content="1" * 2000)
execute("long", command="echo x >>/etc/link-begun; sleep 6; touch /etc/link-done",
        creates="/etc/link-done")
file("/etc/link-last", content="x")
"""
    run = start(module_host, recipe, hosts=hosts)
    while module_host.run("test -e /etc/link-begun").returncode != 0:
        time.sleep(0.05)
    relay.set(Link(after=0, then="silent"))
    time.sleep(0.5)
    relay.set(Link())
    said = told(run, within=60)

    assert said.exit == 0, said
    assert said.statuses == ["changed", "changed", "changed"]
    assert module_host.run("cat /etc/link-begun").stdout == "x\n"
    is_true(module_host, said)
    shells = module_host.run("pgrep -x sh | grep -vx $$").stdout.split()
    assert shells == []


def test_a_slow_command_is_no_silence(
    start: Start, module_host: KitchenHost, relay: Relay, hosts: Path
) -> None:
    """The host answers signs of life all the while; three of them fall due here."""
    del relay
    recipe = 'execute("long", command="sleep 4")\n'
    said = told(start(module_host, recipe, "--reconnect", "0", hosts=hosts))
    assert said.exit == 0, said
    assert said.host["exchanges"] <= 3
