"""Servers that drop us, keep silent, or talk without saying anything."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import paramiko
import pytest
from paramiko.common import AUTH_SUCCESSFUL, OPEN_SUCCEEDED

from bench.relay import Link, Relay
from cookbook.errors import AuthenticationFailed, Unreachable, UntrustedHost
from cookbook.kitchen import KitchenHost
from cookbook.script.program import Ask, Program
from cookbook.script.shell import sh
from cookbook.transport.contract import run
from cookbook.transport.paramiko_ssh import connection
from cookbook.transport.paramiko_ssh.client import Client
from cookbook.transport.paramiko_ssh.transport import SshTransport
from cookbook.transport.target import Target
from tests.on_hosts.conftest import Open, by_both
from tests.texts import check_host

Targets = Callable[..., Target]


@contextmanager
def listening(serve: Callable[[socket.socket], None]) -> Iterator[tuple[int, list[float]]]:
    """A server of our own; its port, and when it was connected to."""
    came: list[float] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                came.append(time.monotonic())
                serve(connection)

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield server.getsockname()[1], came
        finally:
            server.shutdown(socket.SHUT_RDWR)


def here(port: int, seconds: float, **more: object) -> Target:
    return replace(Target("127.0.0.1", port, connect_timeout=seconds, agent=False), **more)  # type: ignore[arg-type]


@pytest.mark.slow
@by_both
def test_a_server_that_hangs_up_is_tried_again_until_the_deadline(
    shell: Open, transport: str
) -> None:
    with listening(lambda connection: connection.close()) as (port, came):
        begun = time.monotonic()
        with pytest.raises(Unreachable, match=r"hangs up before it greets, \d+ times in 2 s") as e:
            shell(here(port, 2))
        took = time.monotonic() - begun

    assert 3 <= len(came) <= 12
    assert took < 4
    assert "MaxStartups" in str(e.value.hint)
    if transport == "ssh":
        words = {str(port): "PORT", f"{len(came)} times": "N times"}
        check_host("C8-hangs-up", error=e.value, words=words)


@pytest.mark.slow
@by_both
def test_a_server_that_says_why_and_hangs_up_is_tried_again(shell: Open) -> None:
    """That is what sshd does since 8.9 when it has too many at its door."""

    def drop(connection: socket.socket) -> None:
        connection.sendall(b"Exceeded MaxStartups\r\n")
        connection.close()

    with listening(drop) as (port, came), pytest.raises(Unreachable, match="hangs up"):
        shell(here(port, 1))
    assert len(came) > 1


@pytest.mark.slow
@by_both
def test_a_server_that_never_greets_costs_the_connect_timeout(shell: Open, transport: str) -> None:
    kept: list[socket.socket] = []
    with listening(kept.append) as (port, came):
        begun = time.monotonic()
        with pytest.raises(Unreachable, match="sends no greeting within 1 s") as e:
            shell(here(port, 1))
        assert time.monotonic() - begun < 3
    if transport == "ssh":
        check_host("C9-greets-nobody", error=e.value, words={str(port): "PORT"})
    assert len(came) == 1
    for one in kept:
        one.close()


class _KeepsAlive(paramiko.ServerInterface):
    """Lets everybody in; opens no channel, for as long as anybody waits."""

    def __init__(self, ended: threading.Event) -> None:
        self._ended = ended

    def check_auth_publickey(self, _username: str, _key: paramiko.PKey) -> int:
        return AUTH_SUCCESSFUL

    def get_allowed_auths(self, _username: str) -> str:
        return "publickey"

    def check_channel_request(self, _kind: str, _chanid: int) -> int:
        self._ended.wait(30)
        return OPEN_SUCCEEDED


@pytest.mark.slow
def test_a_server_that_sends_nothing_but_keepalives(tmp_path: Path) -> None:
    host_key, ended = paramiko.ECDSAKey.generate(), threading.Event()
    servers: list[paramiko.Transport] = []

    def serve(connection: socket.socket) -> None:
        server = paramiko.Transport(connection)
        server.add_server_key(host_key)
        server.start_server(threading.Event(), _KeepsAlive(ended))
        server.set_keepalive(1)
        servers.append(server)

    mine = tmp_path / "key"
    paramiko.ECDSAKey.generate().write_private_key_file(str(mine))
    with listening(serve) as (port, came):
        known = tmp_path / "known_hosts"
        known.write_text(f"[127.0.0.1]:{port} {host_key.get_name()} {host_key.get_base64()}\n")
        begun = time.monotonic()
        with pytest.raises(Unreachable, match="opens no shell within 1 s") as e:
            SshTransport(
                here(port, 5, known_hosts=(known,), identity_files=(mine,), login_timeout=1)
            )
        assert time.monotonic() - begun < 10
    check_host("C10-only-keepalives", error=e.value, words={str(port): "PORT"})
    ended.set()
    assert len(came) == 1
    for server in servers:
        server.close()


@pytest.mark.hosts
class TestARealServer:
    @by_both
    def test_one_that_lets_few_in_at_once_lets_all_in_at_last(
        self, shell: Open, target: Targets, module_host: KitchenHost
    ) -> None:
        conf = "/etc/ssh/sshd_config.d/zz-few.conf"
        module_host.run(f"echo MaxStartups 1:100:1 > {conf}; systemctl reload ssh; sleep 0.5")
        patient = target(module_host, connect_timeout=30)
        try:
            dropped = _dropped(module_host)
            with ThreadPoolExecutor(12) as pool:
                transports = list(pool.map(shell, [patient] * 12))
        finally:
            module_host.run(f"rm {conf}; systemctl reload ssh; sleep 0.5")
        for transport in transports:
            transport.close()
        assert dropped > 0

    @by_both
    def test_a_slow_login_is_waited_for(
        self,
        shell: Open,
        target: Targets,
        module_host: KitchenHost,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """PAM holds the session up, and sshd does not answer meanwhile; one login is enough."""
        monkeypatch.setattr("cookbook.transport.login.SAY_AFTER", 1.0)
        said: list[str] = []
        here = target(module_host, connect_timeout=1, alive_interval=1, waiting=said.append)
        slow = "[ $PAM_TYPE = open_session ] || exit 0; echo >>/run/logins; sleep 4"
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

    @by_both
    def test_one_that_is_reset_for_a_moment(
        self, shell: Open, target: Targets, host: KitchenHost
    ) -> None:
        with Relay([(host.address, 22)], Link(after=0, then="reset")) as relay:
            threading.Timer(1, lambda: relay.set(Link())).start()
            through = target(host, address="127.0.0.1", host_key_alias=host.address)
            shell(replace(through, port=relay.ports[0])).close()

    def test_a_refusal_is_taken_for_an_answer(
        self, target: Targets, host: KitchenHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Neither a key that is not known, nor ours that is not taken, is worth another try."""
        came: list[Target] = []
        greet = connection._greet

        def counted(to: Target, deadline: float) -> Client:
            came.append(to)
            return greet(to, deadline)

        monkeypatch.setattr(connection, "_greet", counted)
        mine = tmp_path / "key"
        paramiko.ECDSAKey.generate().write_private_key_file(str(mine))
        with pytest.raises(UntrustedHost):
            SshTransport(target(host, known_hosts=(tmp_path / "none",)))
        with pytest.raises(AuthenticationFailed):
            SshTransport(target(host, identity_files=(mine,)))
        with pytest.raises(Unreachable, match="refused"):
            SshTransport(target(host, port=2))
        assert len(came) == 3


def _dropped(host: KitchenHost) -> int:
    """How many of twelve that come at once are turned away: the fault is there."""
    with contextlib.ExitStack() as stack:
        came = [
            stack.enter_context(socket.create_connection((host.address, 22))) for _ in range(12)
        ]
        return sum(not connection.recv(4).startswith(b"SSH-") for connection in came)
