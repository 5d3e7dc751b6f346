"""
The link is reset or goes silent at any moment of a run (part C of the needs: 1, 2, 3).

Whatever is said of a resource is so on the host, and the next run brings it into line.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from bench.relay import Link, Relay
from cookbook.errors import KitchenError
from cookbook.kitchen import Kitchen, KitchenHost
from tests.faults.running import Ran, Start, Told, told
from tests.faults.test_reboot import boot
from tests.texts import check_document
from tests.waiting import eventually, until

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
def hosts(
    kitchen: Kitchen, module_host: KitchenHost, relay: Relay, transport: str, tmp_path: Path
) -> Path:
    """The inventory of the host as it is behind the relay."""
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
    *, start: Start, ran: Ran, module_host: KitchenHost, relay: Relay, hosts: Path, link: Link
) -> None:
    relay.set(link)
    run = start(module_host, RECIPE, hosts=hosts)
    time.sleep(1.5)
    relay.set(Link())  # whoever comes now gets through
    said = told(run)

    is_true(module_host, said)
    states = set(said.statuses)
    if said.exit == 0:
        assert states <= {"ok", "changed"}
        assert said.host["status"] in ("ok", "changed")
    else:
        assert said.host["status"] in ("unreachable", "timeout", "failed"), said
        assert said.host["error"] or any(one["error"] for one in said.host["resources"])

    again = ran(module_host, RECIPE, "--wait", "60s", hosts=hosts)
    assert again.exit == 0, again
    third = ran(module_host, RECIPE, hosts=hosts)
    assert third.document["totals"].get("changed", 0) == 0
    is_true(module_host, third)
    # Lost while that was under way, it is done again, once.
    assert module_host.run("cat /etc/link-notified").stdout.splitlines() in (["x"], ["x", "x"])


def test_a_silence_that_lasts_is_named(
    *, start: Start, ran: Ran, module_host: KitchenHost, relay: Relay, hosts: Path, transport: str
) -> None:
    """What was under way is unknown."""
    recipe = 'execute("long", command="touch /etc/link-begun; sleep 20")\n'
    run = start(module_host, recipe, "--reconnect", "0", hosts=hosts)
    until(module_host, "/etc/link-begun")
    relay.set(Link(after=0, then="silent"))
    said = told(run)

    assert said.exit == 4, said
    assert said.statuses == ["unknown"]
    if transport == "ssh":
        check_document("C3-silent", said.document)
    # Its shell holds the host for as long as sshd takes the connection for alive: for hours.
    held = ran(module_host, recipe, "--wait", "6s")
    assert held.exit == 3
    [refused] = held.document["hosts"].values()
    kill = re.search(r"kill -HUP \d+", refused["error"]["hint"])
    assert kill is not None
    assert module_host.run(kill[0]).returncode == 0
    assert ran(module_host, 'file("/etc/link-free", content="x")\n').exit == 0


def test_a_host_that_is_far_away_takes_no_more_exchanges(
    ran: Ran, module_host: KitchenHost, relay: Relay, hosts: Path
) -> None:
    """300 ms there and back; signs of life are asked for each second."""
    relay.set(Link(delay=0.15))
    first = ran(module_host, RECIPE, hosts=hosts)
    again = ran(module_host, RECIPE, hosts=hosts)

    assert (first.exit, again.exit) == (0, 0)
    assert set(again.statuses) == {"ok"}
    assert again.host["exchanges"] == 1
    is_true(module_host, again)


def test_what_leaves_no_trace_is_not_called_done(
    ran: Ran, module_host: KitchenHost, transport: str
) -> None:
    """A command with no visible effect kills the shell that runs it."""
    recipe = """
file("/etc/link-1", content="1" * 2000)
execute("cut", command="echo x >>/etc/link-cut; kill -KILL $$; sleep 1")
file("/etc/link-2", content="2" * 2000)
"""
    module_host.run("rm -rf /etc/link-*")
    said = ran(module_host, recipe)

    assert said.exit == 3, said
    assert said.statuses == ["changed", "unknown", "not-run"]
    assert "how far it got is unknown" in said.host["resources"][1]["error"]["message"]
    if transport == "ssh":
        check_document("C2-leaves-no-trace", said.document, {"1" * 2000: "11111..."})
    assert module_host.run("cat /etc/link-cut").stdout == "x\n"
    is_true(module_host, said)


CUT = "echo cut >>/etc/link-ran; kill -KILL $$; sleep 1"
COMMANDS_ONLY = f"""
execute("before", command="echo before >>/etc/link-ran")
execute("cut", command="{CUT}", creates=%s)
execute("after", command="echo after >>/etc/link-ran")
"""


@pytest.mark.parametrize("creates", [None, "/etc/link-never"])
def test_commands_alone_are_told_apart_after_a_lost_link(
    ran: Ran, module_host: KitchenHost, creates: str | None
) -> None:
    """Nothing is left to be probed: the host's own record says what ran, and what began."""
    module_host.run("rm -rf /etc/link-*")
    said = ran(module_host, COMMANDS_ONLY % repr(creates))

    assert said.exit == 3, said
    assert said.statuses == ["changed", "unknown", "not-run"]
    assert module_host.run("cat /etc/link-ran").stdout.split() == ["before", "cut"]


def test_a_notified_command_that_cuts_the_link_is_unknown(
    ran: Ran, module_host: KitchenHost
) -> None:
    recipe = f"""
file("/etc/link-1", content="1" * 2000, notifies=[delayed("run", "execute[cut]")])
execute("cut", command="{CUT}", action="nothing")
"""
    module_host.run("rm -rf /etc/link-*")
    said = ran(module_host, recipe)

    assert said.exit == 3, said
    assert said.statuses == ["changed", "ok", "unknown"]


def test_a_command_that_ended_after_the_link_was_lost_is_known_to_have_run(
    ran: Ran, module_host: KitchenHost
) -> None:
    recipe = """
execute("cut", command="pkill -KILL -f 'sshd: admin@notty'; sleep 1; echo cut >>/etc/link-ran")
execute("fails", command="echo fails >>/etc/link-ran; exit 7")
execute("after", command="echo after >>/etc/link-ran")
"""
    module_host.run("rm -rf /etc/link-*")
    said = ran(module_host, recipe)

    assert said.exit == 3, said
    assert said.statuses == ["changed", "failed", "not-run"]
    assert module_host.run("cat /etc/link-ran").stdout.split() == ["cut", "fails"]


def test_a_restart_that_was_cut_off_is_done_again(
    start: Start, module_host: KitchenHost, relay: Relay, hosts: Path
) -> None:
    module_host.run(
        "printf '[Service]\\nExecStart=/bin/sleep 1000\\nExecStartPre=/bin/sh -c"
        ' "echo x >>/etc/link-starts; sleep 2"\\n\' >/run/systemd/system/linked.service;'
        " systemctl daemon-reload; systemctl start linked"
    )
    recipe = """
file("/etc/link-1", content="1" * 2000, notifies=[delayed("restart", "service[linked]")])
service("linked", action="nothing")
"""
    run = start(module_host, recipe, hosts=hosts)
    eventually(lambda: len(module_host.run("cat /etc/link-starts").stdout.splitlines()) >= 2)
    relay.set(Link(after=0, then="reset"))
    time.sleep(0.5)
    relay.set(Link())
    said = told(run)

    assert said.exit == 0, said
    assert module_host.run("systemctl is-active linked").stdout == "active\n"
    assert len(module_host.run("cat /etc/link-starts").stdout.splitlines()) in (2, 3)
    is_true(module_host, said)


def has_booted_anew(host: KitchenHost, before: str) -> bool:
    """`reboot` returns before the host goes down, and nothing has to be done there after it."""
    with suppress(KitchenError):  # it is down
        return boot(host) not in ("", before)
    return False


@pytest.mark.parametrize(
    "command",
    ["reboot", "systemd-run --on-active=2 reboot; systemctl stop ssh.socket ssh.service"],
    ids=["at once", "after the batch"],
)
def test_a_recipe_that_only_reboots_ends_well(
    ran: Ran, fresh_host: KitchenHost, command: str
) -> None:
    """Also if the batch has ended before: no login is possible then, and nobody is locked out."""
    before = boot(fresh_host)
    said = ran(fresh_host, f"execute({command!r})\n", "--reconnect", "5")

    assert said.exit == 0, said
    assert said.statuses == ["changed"]
    eventually(lambda: has_booted_anew(fresh_host, before))


def test_a_host_that_our_recipe_reboots_is_gone_on_with(ran: Ran, fresh_host: KitchenHost) -> None:
    recipe = """
file("/etc/link-1", content="1" * 2000)
execute("reboot", command="systemctl reboot; sleep 30", not_if="test -e /etc/link-3")
file("/etc/link-2", content="2" * 2000)
file("/etc/link-3", content="3" * 2000)
"""
    before = boot(fresh_host)
    said = ran(fresh_host, recipe, "--reconnect", "10")

    assert said.exit == 0, said
    assert said.statuses == ["changed"] * 4
    is_true(fresh_host, said)
    assert boot(fresh_host) != before
