"""Who logs in by paramiko: certificates, tokens in an agent, and keys with a passphrase."""

from __future__ import annotations

import os
import shlex
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cookbook.errors import AuthenticationFailed
from cookbook.kitchen import Kitchen, KitchenHost
from cookbook.transport.paramiko_ssh.transport import SshTransport
from cookbook.transport.target import Target
from tests.agents import running_agent
from tests.on_hosts.sshd import configure

pytestmark = pytest.mark.hosts

Targets = Callable[..., Target]


def keygen(*words: str | Path) -> None:
    subprocess.run(["ssh-keygen", "-q", *words], check=True, capture_output=True)


class TestOfOurs:
    @pytest.fixture
    def signed(self, module_host: KitchenHost, tmp_path: Path) -> Path:
        """A key that only its certificate gets in with."""
        keygen("-t", "ed25519", "-N", "", "-f", tmp_path / "ca")
        keygen("-t", "rsa", "-b", "2048", "-N", "", "-f", tmp_path / "id")
        keygen("-s", tmp_path / "ca", "-I", "me", "-n", "root", tmp_path / "id.pub")
        public = (tmp_path / "ca.pub").read_text().strip()
        done = module_host.run(f"echo '{public}' > /etc/ssh/users_ca.pub")
        assert done.returncode == 0
        configure(module_host, "TrustedUserCAKeys /etc/ssh/users_ca.pub")
        return tmp_path / "id"

    def test_one_that_is_named(
        self, target: Targets, module_host: KitchenHost, signed: Path, tmp_path: Path
    ) -> None:
        named = Path(f"{signed}-cert.pub").rename(tmp_path / "elsewhere.pub")
        alone = target(module_host, identity_files=(signed,))
        with pytest.raises(AuthenticationFailed):
            SshTransport(alone)

        SshTransport(replace(alone, certificate_files=(named,))).close()

    def test_one_that_has_expired_leaves_the_key_itself(
        self, target: Targets, module_host: KitchenHost, signed: Path, tmp_path: Path
    ) -> None:
        keygen("-s", tmp_path / "ca", "-I", "me", "-n", "root", "-V", "-2d:-1d", f"{signed}.pub")
        expired = target(module_host, identity_files=(signed,))
        with pytest.raises(AuthenticationFailed) as caught:
            SshTransport(expired)
        assert f"tried: {signed} ({signed}-cert.pub), {signed};" in str(caught.value.hint)

        module_host.run(f"echo '{Path(f'{signed}.pub').read_text()}' >> /root/.ssh/authorized_keys")
        SshTransport(expired).close()

    def test_a_token_first_in_the_agent_is_passed_over(
        self,
        kitchen: Kitchen,
        target: Targets,
        host: KitchenHost,
        agent: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(agent))
        with _token_first(agent, agent.with_name("token")) as place:
            monkeypatch.setenv("SSH_AUTH_SOCK", str(place))
            listed = subprocess.run(["ssh-add", "-l"], capture_output=True, text=True, check=False)
            assert "ED25519-SK" in listed.stdout
            with pytest.raises(AuthenticationFailed) as caught:
                SshTransport(target(host, identity_files=(), agent=True))
            assert "only transport: openssh can" in str(caught.value.hint)
            subprocess.run(["ssh-add", "-q", kitchen.identity], check=True, capture_output=True)
            SshTransport(target(host, identity_files=(), agent=True)).close()


class TestALockedKey:
    @pytest.fixture
    def locked(self, module_host: KitchenHost, tmp_path: Path) -> Path:
        keygen("-t", "ed25519", "-N", "open sesame", "-f", tmp_path / "id")
        public = (tmp_path / "id.pub").read_text().strip()
        module_host.run(f"echo '{public}' >> /root/.ssh/authorized_keys")
        return tmp_path / "id"

    @pytest.fixture
    def facts(self, kitchen: Kitchen, module_host: KitchenHost, locked: Path) -> list[str]:
        """`cook facts` of one machine under two names."""
        inventory = locked.with_name("hosts.yml")
        where = f"{{address: {module_host.address}}}"
        inventory.write_text(
            f"defaults: {{user: root, agent: false, known_hosts: {kitchen.known_hosts},"
            f" identity_file: {locked}}}\nhosts: {{one: {where}, two: {where}}}\n"
        )
        return [sys.executable, "-m", "cookbook.cli", "facts", "--hosts", str(inventory)]

    def test_its_passphrase_is_asked_for_once(self, facts: list[str], locked: Path) -> None:
        status, seen = _at_a_terminal(facts, ["wrong", "open sesame"])

        assert status == 0, seen
        assert seen.count(f"Passphrase of {locked}: ") == 2
        assert "sesame" not in seen

    def test_without_a_terminal_it_is_named(self, facts: list[str], locked: Path) -> None:
        done = subprocess.run(
            facts, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
        )
        assert done.returncode == 4
        assert f"{locked} (locked with a passphrase, and not in the agent)" in done.stderr

    def test_three_that_are_wrong_reach_nobody(self, facts: list[str]) -> None:
        status, seen = _at_a_terminal(facts, ["a", "b", "c"])

        assert status == 1
        assert "this is not its passphrase" in seen


def _at_a_terminal(command: list[str], typed: list[str]) -> tuple[int, str]:
    """By script(1), which has one; the status, and what was seen on it."""
    process = subprocess.Popen(
        ["script", "-qec", shlex.join(command), "/dev/null"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    seen = b""
    for count, line in enumerate(typed, 1):
        while seen.count(b"Passphrase of ") < count:  # what is typed before it is thrown away
            seen += os.read(process.stdout.fileno(), 1)
        time.sleep(0.2)
        process.stdin.write(f"{line}\n".encode())
        process.stdin.flush()
    rest, _ = process.communicate(timeout=60)
    return process.returncode, (seen + rest).decode()


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Path]:
    """An ssh-agent(1) of our own."""
    with running_agent(tmp_path / "agent") as place:
        yield place


class _token_first:  # noqa: N801 - used like a function
    """An agent before the agent, which says that it has a FIDO token, too, before all others."""

    def __init__(self, agent: Path, place: Path) -> None:
        self._agent, self._place = agent, place
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(place))
        self._server.listen()

    def __enter__(self) -> Path:
        threading.Thread(target=self._accept, daemon=True).start()
        return self._place

    def __exit__(self, *_: object) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as agent:
            agent.connect(str(self._agent))
            while question := _message(client):
                agent.sendall(_string(question))
                answer = _message(agent)
                if question[0] == 11:  # SSH_AGENTC_REQUEST_IDENTITIES
                    count = struct.unpack(">I", answer[1:5])[0] + 1
                    answer = bytes([12]) + struct.pack(">I", count) + _TOKEN + answer[5:]
                client.sendall(_string(answer))


def _string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def _message(sock: socket.socket) -> bytes:
    head = sock.recv(4, socket.MSG_WAITALL)
    return sock.recv(struct.unpack(">I", head)[0], socket.MSG_WAITALL) if len(head) == 4 else b""


_BLOB = _string(b"sk-ssh-ed25519@openssh.com") + _string(bytes(range(32))) + _string(b"ssh:")
_TOKEN = _string(_BLOB) + _string(b"my token")
