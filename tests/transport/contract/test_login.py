"""Who logs in: keys, certificates, agents, and logins that the host has closed."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from cookbook.errors import AuthenticationFailed, HostError
from cookbook.kitchen import Kitchen, KitchenHost
from tests.transport.contract.conftest import (
    Opened,
    add,
    ask,
    authorize,
    by_both,
    keygen,
    logins,
    new_key,
)

pytestmark = [pytest.mark.hosts, by_both]


def test_each_shell_is_a_login_of_its_own(opened: Opened, machine: KitchenHost) -> None:
    """A second one shows that a login is still possible."""
    before = logins(machine)
    for _ in range(2):
        opened()
    assert logins(machine) - before == 2


class TestKeys:
    def test_one_that_the_host_does_not_know_is_refused(
        self, opened: Opened, tmp_path: Path
    ) -> None:
        new_key(tmp_path / "stranger")
        with pytest.raises(AuthenticationFailed):
            opened(identity_files=(tmp_path / "stranger",), identities_only=True)

    @pytest.mark.parametrize("kind", ["rsa", "ecdsa"])
    def test_every_kind_lets_us_in(
        self, opened: Opened, machine: KitchenHost, tmp_path: Path, kind: str
    ) -> None:
        new_key(tmp_path / kind, kind)
        authorize(machine, tmp_path / kind)
        opened(identity_files=(tmp_path / kind,))

    def test_the_agent_lets_us_in_also_by_one_that_is_locked_on_disk(
        self,
        opened: Opened,
        machine: KitchenHost,
        tmp_path: Path,
        agent: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        key = tmp_path / "locked"
        new_key(key)
        authorize(machine, key)
        monkeypatch.setenv("SSH_AUTH_SOCK", str(agent))
        add(agent, key)
        subprocess.run(["ssh-keygen", "-qp", "-N", "secret", "-f", key], check=True)

        opened(identity_files=(key,), agent=True, identities_only=True)
        opened(identity_files=(), agent=True)
        with pytest.raises(AuthenticationFailed):
            opened(identity_files=(key,), agent=False)

    def test_identities_only_offers_no_other_one(
        self,
        opened: Opened,
        transport: str,
        tmp_path: Path,
        agent: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """An agent full of other keys would end in "Too many authentication failures"."""
        monkeypatch.setenv("SSH_AUTH_SOCK", str(agent))
        keys = [tmp_path / f"key{i}" for i in range(12)]
        for key in keys:
            new_key(key)
        add(agent, *keys)

        opened(agent=True, identities_only=True)
        if transport == "ssh":  # ssh(1) offers the keys of the agent before a named one
            opened(agent=True)
        with pytest.raises(AuthenticationFailed):
            opened(agent=True, identity_files=())

    def test_an_agent_that_is_named(self, opened: Opened, kitchen: Kitchen, agent: Path) -> None:
        add(agent, kitchen.identity)
        named = {"identity_files": (), "agent_socket": str(agent), "default_keys": False}
        opened(agent=True, **named)
        with pytest.raises(AuthenticationFailed):
            opened(agent=False, **named)


class TestCertificates:
    @pytest.fixture
    def signed(self, machine: KitchenHost, tmp_path: Path, sshd: Callable[..., None]) -> Path:
        """A key that only its certificate gets in with."""
        authority = new_key(tmp_path / "ca")
        keygen("-t", "rsa", "-b", "2048", "-N", "", "-f", tmp_path / "id")
        keygen("-s", tmp_path / "ca", "-I", "me", "-n", "root", tmp_path / "id.pub")
        assert machine.run(f"echo '{authority}' > /etc/ssh/users_ca.pub").returncode == 0
        sshd("TrustedUserCAKeys /etc/ssh/users_ca.pub")
        return tmp_path / "id"

    def test_one_beside_the_key(self, opened: Opened, signed: Path) -> None:
        opened(identity_files=(signed,))

    def test_one_of_the_agent(self, opened: Opened, signed: Path, agent: Path) -> None:
        """ssh-add takes the certificate with the key; then neither file is needed."""
        add(agent, signed)
        for file in signed.parent.glob("id*"):
            file.unlink()
        opened(identity_files=(), agent=True, agent_socket=str(agent))


@pytest.mark.parametrize("become", ["none", "sudo"])
def test_a_login_without_a_shell_is_named(
    opened: Opened, machine: KitchenHost, become: str
) -> None:
    """nologin(8) says so on the stream that is no error's."""
    done = machine.run(
        "id mute || { useradd -m -s /usr/sbin/nologin mute && cp -r /root/.ssh ~mute/"
        " && chown -R mute ~mute/.ssh; }"
    )
    assert done.returncode == 0, done.stderr
    with pytest.raises(HostError) as caught:
        ask(opened(user="mute", become=become), "id")
    assert caught.value.cause == "the account there has no shell"


CLOSED = {
    "shell": ("usermod -s /bin/false {u}", "", "runs no command: it said nothing", "/bin/false"),
    "nologin shell": ("usermod -s /usr/sbin/nologin {u}", "", "not available", "usermod -s"),
    "forced command": (
        "sed -i 's/^/command=\"echo a menu\" /' /home/{u}/.ssh/authorized_keys",
        "",
        "runs no command: a menu",
        "`command=` in authorized_keys",
    ),
    "expired password": ("chage -d 0 {u}", "", "password has expired", "chage -M -1"),
    "expired account": ("chage -E 1 {u}", "", "Your account has expired", "chage -l"),
    "nologin file": (
        "echo closed until noon >/etc/nologin",
        "rm /etc/nologin",
        "has ended the login: closed until noon",
        "/etc/nologin",
    ),
}


@pytest.mark.parametrize("reason", CLOSED)
def test_a_login_that_is_closed_shows_the_words_of_the_host_and_blames_no_sudo(
    opened: Opened, machine: KitchenHost, reason: str
) -> None:
    shut, back, said, hint = CLOSED[reason]
    make = "userdel -rf shut 2>/dev/null; useradd -m -s /bin/bash shut && echo shut:x | chpasswd"
    give = "cp -r /root/.ssh /home/shut && chown -R shut: /home/shut/.ssh"
    sudo = "echo 'shut ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/shut"
    done = machine.run(f"{make} && {give} && {sudo} && {shut.format(u='shut')}")
    assert done.returncode == 0, done.stderr
    try:
        for become in ("sudo", "none"):
            with pytest.raises(AuthenticationFailed) as caught:
                ask(opened(user="shut", become=become), "id")
            assert said in str(caught.value)
            assert hint in str(caught.value.hint)
            assert "sudo" not in f"{caught.value} {caught.value.hint}"
    finally:
        machine.run(f"{back or ':'}; userdel -rf shut; rm -f /etc/sudoers.d/shut")
