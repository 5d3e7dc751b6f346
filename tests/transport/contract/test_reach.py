"""Hosts that are not there, do not answer, drop us, keep silent or take long."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from bench.relay import Link, Relay
from cookbook.errors import Unreachable
from cookbook.kitchen import KitchenHost
from cookbook.script.program import Ask, Program
from cookbook.script.shell import sh
from cookbook.transport.contract import run
from tests.on_hosts.servers import here, listening
from tests.texts import check_host
from tests.transport.contract.conftest import Open, Opened, Targets, by_both

pytestmark = by_both


@pytest.mark.hosts
def test_nobody_listens(opened: Opened) -> None:
    with pytest.raises(Unreachable, match="Connection refused"):
        opened(port=2)


@pytest.mark.hosts
def test_no_such_name(opened: Opened) -> None:
    with pytest.raises(Unreachable, match=r"no\.such\.host\.invalid"):
        opened(address="no.such.host.invalid")


@pytest.mark.hosts
def test_a_black_hole_costs_the_connect_timeout(opened: Opened, machine: KitchenHost) -> None:
    machine.run(
        "nft add table inet hole; nft add chain inet hole in"
        " '{ type filter hook input priority 0; }';"
        " nft add rule inet hole in tcp dport 2222 drop"
    )
    begun = time.monotonic()
    with pytest.raises(Unreachable, match=r"does not answer within 1 s"):
        opened(port=2222, connect_timeout=1)
    assert time.monotonic() - begun < 60  # the kernel gives up after two minutes


@pytest.mark.slow
def test_a_server_that_hangs_up_is_tried_again_until_the_deadline(
    shell: Open, transport: str
) -> None:
    with listening(lambda connection: connection.close()) as (port, came):
        begun = time.monotonic()
        with pytest.raises(Unreachable, match=r"hangs up before it greets, \d+ times in 8 s") as e:
            shell(here(port, 8))
        took = time.monotonic() - begun

    assert 3 <= len(came) <= 16
    assert took < 40
    assert "MaxStartups" in str(e.value.hint)
    if transport == "ssh":
        words = {str(port): "PORT", f"{len(came)} times": "N times"}
        check_host("C8-hangs-up", error=e.value, words=words)


@pytest.mark.slow
def test_a_server_that_says_why_and_hangs_up_is_tried_again(shell: Open) -> None:
    """That is what sshd does since 8.9 when it has too many at its door."""

    def drop(connection: socket.socket) -> None:
        connection.sendall(b"Exceeded MaxStartups\r\n")
        connection.close()

    # The first attempt imports paramiko, or starts ssh(1): a second of a busy machine.
    with listening(drop) as (port, came), pytest.raises(Unreachable, match="hangs up"):
        shell(here(port, 8))
    assert len(came) > 1


@pytest.mark.slow
def test_a_server_that_never_greets_costs_the_connect_timeout(shell: Open, transport: str) -> None:
    kept: list[socket.socket] = []
    with listening(kept.append) as (port, came):
        begun = time.monotonic()
        with pytest.raises(Unreachable, match="sends no greeting within 3 s") as e:
            shell(here(port, 3))
        assert time.monotonic() - begun < 30
    if transport == "ssh":
        check_host("C9-greets-nobody", error=e.value, words={str(port): "PORT"})
    assert len(came) == 1
    for one in kept:
        one.close()


@pytest.mark.hosts
def test_one_that_lets_few_in_at_once_lets_all_in_at_last(
    shell: Open, target: Targets, module_host: KitchenHost, sshd: Callable[..., None]
) -> None:
    sshd("MaxStartups 1:100:1")
    patient = target(module_host, connect_timeout=120)
    dropped = _dropped(module_host)
    with ThreadPoolExecutor(12) as pool:
        transports = list(pool.map(shell, [patient] * 12))
    for transport in transports:
        transport.close()
    assert dropped > 0


@pytest.mark.hosts
def test_a_slow_login_is_waited_for(
    shell: Open,
    target: Targets,
    module_host: KitchenHost,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """PAM holds the session up, and sshd does not answer meanwhile; one login is enough."""
    monkeypatch.setattr("cookbook.transport.login.SAY_AFTER", 1.0)
    said: list[str] = []
    here = target(module_host, connect_timeout=5, alive_interval=1, waiting=said.append)
    slow = "[ $PAM_TYPE = open_session ] || exit 0; echo >>/run/logins; sleep 8"
    module_host.run(
        f"rm -f /run/logins; printf '#!/bin/sh\n%s\n' '{slow}' >/root/slow;"
        " chmod +x /root/slow; echo 'session required pam_exec.so /root/slow' >>/etc/pam.d/sshd"
    )
    try:
        transport = shell(here)
        [outcome] = run(transport, Program((Ask(sh("wc -l </run/logins")),)))
        transport.close()
        with pytest.raises(Unreachable, match="opens no shell within 2 s") as caught:
            run(shell(replace(here, login_timeout=2)), Program((Ask(sh(":")),)))
    finally:
        module_host.run("sed -i /pam_exec/d /etc/pam.d/sshd")
    assert outcome.text == "1\n"
    assert said == [
        "the key was accepted; waiting up to 60 s for a shell",
        "the key was accepted; waiting up to 2 s for a shell",
    ]
    assert "login_timeout" in str(caught.value.hint)


@pytest.mark.hosts
def test_what_the_run_does_before_it_asks_is_no_slow_login(
    shell: Open,
    target: Targets,
    module_host: KitchenHost,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its recipes may take long."""
    monkeypatch.setattr("cookbook.transport.login.SAY_AFTER", 3.0)
    said: list[str] = []
    transport = shell(target(module_host, login_timeout=4, waiting=said.append))
    time.sleep(4.5)
    [outcome] = run(transport, Program((Ask(sh("echo x")),)))
    transport.close()
    assert outcome.text == "x\n"
    assert said == []


@pytest.mark.hosts
def test_one_that_is_reset_for_a_moment(
    shell: Open, target: Targets, module_host: KitchenHost
) -> None:
    with Relay([(module_host.address, 22)], Link(after=0, then="reset")) as relay:
        threading.Timer(1, lambda: relay.set(Link())).start()
        through = target(module_host, address="127.0.0.1", host_key_alias=module_host.address)
        shell(replace(through, port=relay.ports[0])).close()


def _dropped(host: KitchenHost) -> int:
    """How many of twelve that come at once are turned away: the fault is there."""
    with contextlib.ExitStack() as stack:
        came = [
            stack.enter_context(socket.create_connection((host.address, 22))) for _ in range(12)
        ]
        return sum(not connection.recv(4).startswith(b"SSH-") for connection in came)
