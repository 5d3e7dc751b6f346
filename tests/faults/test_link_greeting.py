"""A server that talks without saying anything to paramiko, and refusals that end a login."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import paramiko
import pytest
from paramiko.common import AUTH_SUCCESSFUL, OPEN_SUCCEEDED

from cookbook.errors import AuthenticationFailed, Unreachable, UntrustedHost
from cookbook.kitchen import KitchenHost
from cookbook.script.shell import Secret
from cookbook.transport.paramiko_ssh import connection
from cookbook.transport.paramiko_ssh.client import Client
from cookbook.transport.paramiko_ssh.transport import SshTransport
from cookbook.transport.target import Become, Target
from tests.on_hosts.servers import here, listening
from tests.texts import check_host

Targets = Callable[..., Target]


class _LetsIn(paramiko.ServerInterface):
    """Lets everybody in, and opens channels; runs nothing."""

    def check_auth_publickey(self, _username: str, _key: paramiko.PKey) -> int:
        return AUTH_SUCCESSFUL

    def get_allowed_auths(self, _username: str) -> str:
        return "publickey"

    def check_channel_request(self, _kind: str, _chanid: int) -> int:
        return OPEN_SUCCEEDED


class _KeepsAlive(_LetsIn):
    """Opens no channel, for as long as anybody waits."""

    def __init__(self, ended: threading.Event) -> None:
        self._ended = ended

    def check_channel_request(self, _kind: str, _chanid: int) -> int:
        self._ended.wait(30)
        return OPEN_SUCCEEDED


@contextmanager
def served(tmp_path: Path, rules: paramiko.ServerInterface) -> Iterator[Target]:
    """Serve one login by these rules; yield the way to it."""
    host_key = paramiko.ECDSAKey.generate()
    servers: list[paramiko.Transport] = []

    def serve(connection: socket.socket) -> None:
        server = paramiko.Transport(connection)
        server.add_server_key(host_key)
        server.start_server(threading.Event(), rules)
        server.set_keepalive(1)
        servers.append(server)

    mine = tmp_path / "key"
    paramiko.ECDSAKey.generate().write_private_key_file(str(mine))
    with listening(serve) as (port, came):
        known = tmp_path / "known_hosts"
        known.write_text(f"[127.0.0.1]:{port} {host_key.get_name()} {host_key.get_base64()}\n")
        yield here(port, 20, known_hosts=(known,), identity_files=(mine,))
    assert len(came) == 1
    for server in servers:
        server.close()


@pytest.mark.slow
def test_a_server_that_sends_nothing_but_keepalives(tmp_path: Path) -> None:
    ended = threading.Event()
    with served(tmp_path, _KeepsAlive(ended)) as target:
        begun = time.monotonic()
        with pytest.raises(Unreachable, match="opens no shell within 1 s") as e:
            SshTransport(replace(target, login_timeout=1))
        assert time.monotonic() - begun < 25
    check_host("C10-only-keepalives", error=e.value, words={str(target.port): "PORT"})
    ended.set()


@pytest.mark.slow
def test_a_server_that_hung_up_and_then_keeps_silent_is_said_to_hang_up() -> None:
    """On a busy machine the deadline cuts the last attempt short, wherever that is."""
    kept: list[socket.socket] = []

    def serve(connection: socket.socket) -> None:
        if kept:
            kept.append(connection)
        else:
            kept.append(socket.socket())
            connection.close()

    with (
        listening(serve) as (port, came),
        pytest.raises(Unreachable, match="hangs up before it greets, once in 6 s"),
    ):
        SshTransport(here(port, 6))
    assert len(came) == 2
    for one in kept:
        one.close()


@pytest.mark.hosts
class TestARealServer:
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


@pytest.mark.parametrize("become", ["none", "sudo", "su"])
def test_a_server_that_refuses_to_run_a_command(tmp_path: Path, become: Become) -> None:
    """It is not taken for a refusal by sudo or su, which were not reached."""
    with served(tmp_path, _LetsIn()) as way:
        target = replace(way, become=become, become_user="app", become_password=Secret("x"))
        with pytest.raises(Unreachable) as e:
            SshTransport(target)
    assert e.value.message == f"{target}: no shell: Channel closed."
