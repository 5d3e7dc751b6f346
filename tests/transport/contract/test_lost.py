"""Links that are lost in the middle, and a run that continues over a new connection."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Literal

import pytest

from bench.relay import Link, Relay
from cookbook.errors import HostError, Unreachable
from cookbook.kitchen import Kitchen, KitchenHost
from cookbook.transport.contract import Interrupted
from tests.faults.running import Start, told
from tests.transport.contract.conftest import Opened, ask, by_both
from tests.waiting import eventually, until

pytestmark = [pytest.mark.hosts, by_both]


def test_a_shell_that_is_killed_is_a_lost_link(opened: Opened) -> None:
    with pytest.raises(Interrupted) as caught:
        ask(opened(), "echo before", "kill -9 $$", "echo never")

    assert b"before" in caught.value.reply.stdout


def test_an_sshd_that_is_stopped_is_a_lost_link(opened: Opened, machine: KitchenHost) -> None:
    transport = opened()
    ask(transport, "echo one")
    machine.run("pkill -f 'sshd: root' || :")

    with pytest.raises(HostError):
        ask(transport, "echo two")


def behind(relay: Relay, machine: KitchenHost) -> dict[str, Any]:
    """Return the settings of a target behind a relay."""
    where = {"address": "127.0.0.1", "port": relay.ports[0], "host_key_alias": machine.address}
    return where | {"alive_interval": 1.0}


def test_a_link_that_goes_silent_is_lost(
    opened: Opened, relay: Relay, machine: KitchenHost
) -> None:
    far = opened(**behind(relay, machine))
    [here] = ask(far, "echo here")
    assert here.text == "here\n"
    relay.set(Link(after=0, then="silent"))
    begun = time.monotonic()
    with pytest.raises(Interrupted):
        ask(far, "echo there", timeout=200)
    assert time.monotonic() - begun < 100


@pytest.mark.parametrize("then", ["silent", "reset"])
@pytest.mark.parametrize("after", [0, 2500, 7000, 12000])
def test_a_link_that_is_lost_at_any_moment(
    opened: Opened,
    relay: Relay,
    machine: KitchenHost,
    after: int,
    then: Literal["silent", "reset"],
) -> None:
    """After so many bytes: there is no shell, or an exchange is interrupted. None hangs."""
    relay.set(Link(after=after, then=then))
    limit = 30.0 if after >= 7000 else 1.5
    begun = time.monotonic()
    try:
        far = opened(**behind(relay, machine), connect_timeout=limit, login_timeout=limit)
        with pytest.raises(Interrupted) as caught:
            ask(far, "echo first", "head -c 20000 /dev/zero", "echo never", timeout=300)
        assert b"never" not in caught.value.reply.stdout
    except Unreachable:
        assert after < 7000
    else:
        assert after > 0
    assert time.monotonic() - begun < 200


def test_a_slow_command_is_no_silence(opened: Opened, relay: Relay, machine: KitchenHost) -> None:
    """The host answers signs of life all the while; three of them fall due here."""
    [one] = ask(opened(**behind(relay, machine)), "sleep 4; echo one")
    assert one.text == "one\n"


@pytest.fixture
def hosts(
    kitchen: Kitchen, module_host: KitchenHost, relay: Relay, transport: str, tmp_path: Path
) -> Path:
    """The inventory of the host as it is behind the relay."""
    module_host.run("rm -rf /etc/link-* /var/lib/cook")
    [port] = relay.ports
    known = kitchen.known_hosts.read_text().splitlines()
    keys = [line.split(None, 1)[1] for line in known if line.startswith(f"{module_host.name},")]
    assert keys
    (tmp_path / "known").write_text("".join(f"[127.0.0.1]:{port} {key}\n" for key in keys))
    path = tmp_path / "hosts.yml"
    path.write_text(
        f"defaults: {{user: admin, become: sudo, identity_file: {kitchen.identity},"
        f" known_hosts: {tmp_path}/known, alive_interval: 1, connect_timeout: 15,"
        f" login_timeout: 15, transport: {transport}}}\n"
        f"hosts:\n  far: {{address: 127.0.0.1, port: {port}}}\n"
    )
    return path


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
    until(module_host, "/etc/link-begun")
    relay.set(Link(after=0, then="silent"))
    time.sleep(0.5)
    relay.set(Link())
    said = told(run)

    assert said.exit == 0, said
    assert said.statuses == ["changed", "changed", "changed"]
    assert module_host.run("cat /etc/link-begun").stdout == "x\n"
    # The last one has a moment for its end: the link is cut, it is not waited for.
    eventually(lambda: not module_host.run("pgrep -x sh | grep -vx $$").stdout)
