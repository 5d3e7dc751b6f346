"""The transport against a real sshd: identity, keys, privilege, streams, deadlines."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cookbook.errors import (
    AuthenticationFailed,
    HostError,
    PrivilegeError,
    Unreachable,
    UntrustedHost,
)
from cookbook.hosts.session import Session
from cookbook.kitchen import KitchenHost
from cookbook.script.program import Ask, Do, Outcome, Program
from cookbook.script.shell import Command, Content, Secret, sh
from cookbook.transport.contract import Interrupted, TooSlow, run
from cookbook.transport.openssh.transport import OpenSshOptions, OpenSshTransport
from cookbook.transport.paramiko_ssh.connection import Target
from cookbook.transport.paramiko_ssh.transport import SshTransport

pytestmark = pytest.mark.hosts

Targets = Callable[..., Target]


@pytest.fixture(scope="module")
def machine(module_host: KitchenHost) -> KitchenHost:
    """A host with a user whose sudo wants a password, and users with odd shells."""
    result = module_host.run(
        """
        set -e
        for u in paul noisy; do
            id $u >/dev/null 2>&1 || useradd -m -s /bin/bash $u
            mkdir -p /home/$u/.ssh
            cp /root/.ssh/authorized_keys /home/$u/.ssh/
            chown -R $u: /home/$u/.ssh
        done
        echo 'paul:right' | chpasswd
        printf 'paul ALL=(ALL) ALL\\nnoisy ALL=(ALL) NOPASSWD: ALL\\n' > /etc/sudoers.d/tests
        chmod 440 /etc/sudoers.d/tests
        printf 'echo welcome to this machine\\necho oops >&2\\n' > /home/noisy/.bashrc
        """
    )
    assert result.returncode == 0, result.stderr
    return module_host


Shell = SshTransport | OpenSshTransport


def by_openssh(target: Target) -> OpenSshTransport:
    return OpenSshTransport(target, OpenSshOptions(config="none"))


@pytest.fixture(params=[SshTransport, by_openssh])
def opened(
    target: Targets, machine: KitchenHost, request: pytest.FixtureRequest
) -> Iterator[Callable[..., Shell]]:
    """Shells by either program."""
    transports: list[Shell] = []

    def connect(**changes: object) -> Shell:
        transport: Shell = request.param(replace(target(machine), **changes))  # type: ignore[arg-type]
        transports.append(transport)
        return transport

    yield connect
    for transport in transports:
        transport.close()


def ask(transport: Shell, *texts: str, timeout: float = 30) -> list[Outcome]:
    parts = tuple(Ask(Command(text, text), timeout) for text in texts)
    return run(transport, Program(parts))


def test_root_reaches_the_host_and_so_does_sudo(opened: Callable[..., Shell]) -> None:
    for changes in ({}, {"user": "admin", "become": "sudo"}):
        [who] = ask(opened(**changes), "id -un")
        assert who.stdout == b"root\n"


def test_facts_are_true(opened: Callable[..., Shell], machine: KitchenHost) -> None:
    facts = Session(opened()).facts()

    assert facts.root
    assert (facts.family, facts.distribution, facts.codename) == ("debian", "debian", "bookworm")
    assert (facts.init, facts.package_tool, facts.firewall_tool) == ("systemd", "apt", "nftables")
    assert facts.hostname == machine.run("hostname").stdout.strip()
    assert facts.machine_id == machine.run("cat /etc/machine-id").stdout.strip()
    assert facts.virtualization == "systemd-nspawn"
    assert machine.address in facts.addresses


class TestIdentity:
    def test_an_unknown_key_is_refused_with_what_accepts_it(
        self, target: Targets, machine: KitchenHost, tmp_path: Path
    ) -> None:
        known = tmp_path / "known_hosts"
        with pytest.raises(UntrustedHost) as caught:
            SshTransport(replace(target(machine), known_hosts=(known,)))

        real = machine.run("ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub").stdout.split()[1]
        assert real in str(caught.value)
        command = str(caught.value.hint).partition("to accept it: ")[2]
        subprocess.run(["sh", "-c", command], check=True)
        _fresh(known)
        SshTransport(replace(target(machine), known_hosts=(known,))).close()

    def test_a_changed_key_is_refused(
        self, target: Targets, machine: KitchenHost, tmp_path: Path
    ) -> None:
        key = tmp_path / "other"
        subprocess.run(["ssh-keygen", "-qt", "ed25519", "-N", "", "-f", key], check=True)
        words = Path(f"{key}.pub").read_text().split()
        known = tmp_path / "known_hosts"
        known.write_text(f"{machine.address} {words[0]} {words[1]}\n")

        with pytest.raises(UntrustedHost, match="has CHANGED"):
            SshTransport(replace(target(machine), known_hosts=(known,)))

    def test_hashed_names_and_other_key_types_are_known(
        self, target: Targets, machine: KitchenHost, tmp_path: Path
    ) -> None:
        """Only its RSA key is known, under a hashed name: then that is the key asked for."""
        known = tmp_path / "known_hosts"
        rsa = machine.run("cat /etc/ssh/ssh_host_rsa_key.pub").stdout.split()
        known.write_text(f"{machine.address} {rsa[0]} {rsa[1]}\n")
        subprocess.run(["ssh-keygen", "-qHf", known], check=True, capture_output=True)
        assert machine.address not in known.read_text()

        SshTransport(replace(target(machine), known_hosts=(known,))).close()

    def test_a_revoked_key_is_refused(
        self, target: Targets, machine: KitchenHost, tmp_path: Path
    ) -> None:
        known = tmp_path / "known_hosts"
        words = machine.run("cat /etc/ssh/ssh_host_ed25519_key.pub").stdout.split()
        line = f"{machine.address} {words[0]} {words[1]}\n"
        known.write_text(f"@revoked {line}{line}")

        with pytest.raises(UntrustedHost, match="revoked"):
            SshTransport(replace(target(machine), known_hosts=(known,)))


class TestKeys:
    def test_a_key_nobody_knows_is_refused(
        self, target: Targets, machine: KitchenHost, tmp_path: Path
    ) -> None:
        key = tmp_path / "stranger"
        subprocess.run(["ssh-keygen", "-qt", "ed25519", "-N", "", "-f", key], check=True)

        with pytest.raises(AuthenticationFailed) as caught:
            SshTransport(replace(target(machine), identity_files=(key,)))

        assert str(key) in str(caught.value.hint)

    def test_a_locked_key_is_named(
        self, target: Targets, machine: KitchenHost, tmp_path: Path
    ) -> None:
        key = tmp_path / "locked"
        subprocess.run(["ssh-keygen", "-qt", "ed25519", "-N", "secret", "-f", key], check=True)

        with pytest.raises(AuthenticationFailed) as caught:
            SshTransport(replace(target(machine), identity_files=(key,)))

        assert f"{key} (locked with a passphrase, and not in the agent)" in str(caught.value.hint)

    @pytest.mark.parametrize("kind", ["rsa", "ecdsa"])
    def test_every_kind_of_key_opens(
        self, target: Targets, machine: KitchenHost, tmp_path: Path, kind: str
    ) -> None:
        key = tmp_path / kind
        subprocess.run(["ssh-keygen", "-qt", kind, "-N", "", "-f", key], check=True)
        _authorize(machine, key)

        SshTransport(replace(target(machine), identity_files=(key,))).close()

    def test_the_agent_opens_also_what_is_locked_on_disk(
        self,
        target: Targets,
        machine: KitchenHost,
        tmp_path: Path,
        agent: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        key = tmp_path / "locked"
        subprocess.run(["ssh-keygen", "-qt", "ed25519", "-N", "", "-f", key], check=True)
        _authorize(machine, key)
        monkeypatch.setenv("SSH_AUTH_SOCK", str(agent))
        subprocess.run(["ssh-add", "-q", key], check=True, capture_output=True)
        subprocess.run(["ssh-keygen", "-qp", "-N", "secret", "-f", key], check=True)

        with_agent = replace(target(machine), identity_files=(key,), agent=True)
        SshTransport(replace(with_agent, identities_only=True)).close()
        SshTransport(replace(with_agent, identity_files=())).close()
        with pytest.raises(AuthenticationFailed):
            SshTransport(replace(with_agent, agent=False))

    def test_identities_only_offers_no_other_key(
        self,
        target: Targets,
        machine: KitchenHost,
        tmp_path: Path,
        agent: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """An agent full of other keys would end in "Too many authentication failures"."""
        monkeypatch.setenv("SSH_AUTH_SOCK", str(agent))
        for i in range(12):
            key = tmp_path / f"key{i}"
            subprocess.run(["ssh-keygen", "-qt", "ed25519", "-N", "", "-f", key], check=True)
            subprocess.run(["ssh-add", "-q", key], check=True, capture_output=True)

        SshTransport(replace(target(machine), agent=True, identities_only=True)).close()
        SshTransport(replace(target(machine), agent=True)).close()
        with pytest.raises(AuthenticationFailed):
            SshTransport(replace(target(machine), agent=True, identity_files=()))


class TestReachability:
    def test_nobody_listens(self, target: Targets, machine: KitchenHost) -> None:
        with pytest.raises(Unreachable, match="Connection refused"):
            SshTransport(replace(target(machine), port=2))

    def test_no_such_name(self, target: Targets, machine: KitchenHost) -> None:
        with pytest.raises(Unreachable, match=r"no\.such\.host\.invalid"):
            SshTransport(replace(target(machine), address="no.such.host.invalid"))

    def test_a_black_hole_costs_the_connect_timeout(
        self, target: Targets, machine: KitchenHost
    ) -> None:
        machine.run(
            "nft add table inet hole; nft add chain inet hole in"
            " '{ type filter hook input priority 0; }';"
            " nft add rule inet hole in tcp dport 2222 drop"
        )
        begun = time.monotonic()
        with pytest.raises(Unreachable, match=r"does not answer within 0\.5 s"):
            SshTransport(replace(target(machine), port=2222, connect_timeout=0.5))
        assert time.monotonic() - begun < 5


class TestPrivilege:
    def test_a_password_goes_by_stdin_and_is_in_nobodys_arguments(
        self, opened: Callable[..., Shell]
    ) -> None:
        paul = opened(user="paul", become="sudo", become_password=Secret("right"))

        [who, seen] = ask(
            paul, "id -un", "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ | grep -ac '[r]ight'"
        )

        assert who.stdout == b"root\n"
        assert seen.stdout == b"0\n"

    def test_a_wrong_password_costs_one_attempt(
        self, opened: Callable[..., Shell], machine: KitchenHost
    ) -> None:
        before = _failures(machine)
        with pytest.raises(PrivilegeError, match="did not accept the password of paul"):
            opened(user="paul", become="sudo", become_password=Secret("wrong"))

        time.sleep(0.5)
        assert _failures(machine) - before == 1

    def test_a_password_that_nobody_asks_for_is_not_read_by_the_shell(
        self, opened: Callable[..., Shell]
    ) -> None:
        noisy = opened(user="noisy", become="sudo", become_password=Secret("touch /pwned"))

        [who, touched] = ask(noisy, "id -un", "ls /pwned")

        assert who.stdout == b"root\n"
        assert touched.status != 0

    def test_where_a_password_is_wanted_and_none_given_that_is_said(
        self, opened: Callable[..., Shell]
    ) -> None:
        with pytest.raises(PrivilegeError, match="a password is required") as caught:
            ask(opened(user="paul", become="sudo"), "id -un")
        assert "--ask-become-pass" in str(caught.value.hint)

    def test_a_tool_that_is_not_there_is_named(self, opened: Callable[..., Shell]) -> None:
        with pytest.raises(PrivilegeError, match="doas"):
            ask(opened(user="paul", become="doas"), "id -un")


def test_a_noisy_login_script_is_heard_by_nobody(opened: Callable[..., Shell]) -> None:
    [one] = ask(opened(user="noisy"), "echo one; echo err >&2")

    assert (one.stdout, one.stderr) == (b"one\n", b"err\n")


@pytest.mark.parametrize("shell", ["/bin/dash", "/usr/bin/fish", "/bin/csh"])
def test_the_login_shell_does_not_matter(
    opened: Callable[..., Shell], machine: KitchenHost, shell: str
) -> None:
    if shell != "/bin/dash":
        done = machine.run(f"apt-get install -qy {Path(shell).name} >/dev/null 2>&1", timeout=300)
        assert done.returncode == 0
    machine.run(f"usermod -s {shell} paul")
    try:
        [one] = ask(opened(user="paul"), "x='a b'; echo \"$x\"")
    finally:
        machine.run("usermod -s /bin/bash paul")

    assert one.stdout == b"a b\n"


def test_ten_megabytes_on_both_streams_at_once(opened: Callable[..., Shell]) -> None:
    """The window of a channel is shared: what reads only one stream hangs at 2 MiB."""
    zeros = "head -c 10000000 /dev/zero"
    [both] = ask(opened(), f"{zeros} & {zeros} >&2; wait")

    assert (len(both.stdout), len(both.stderr)) == (10_000_000, 10_000_000)


def test_files_of_any_size_and_bytes_go_through_sudo(
    opened: Callable[..., Shell], machine: KitchenHost
) -> None:
    data = os.urandom(5_000_000) + b"\0\n'"
    digest = Content.of(data)
    session = Session(opened(user="admin", become="sudo"))
    write = Do(sh("content {} > /root/big", digest), 60)

    [outcome] = session.run([write], {str(digest): data})

    assert outcome.status == 0
    assert machine.run("sha256sum /root/big").stdout.split()[0] == digest
    session.close()
    assert machine.run("ls /var/tmp | grep -c cook").stdout.strip() == "0"


def test_many_questions_while_a_long_script_is_still_being_sent(
    opened: Callable[..., Shell],
) -> None:
    text = "x" * 100_000
    outcomes = run(opened(), Program(tuple(Ask(sh("echo {}", text)) for _ in range(60))))

    assert {len(outcome.stdout) for outcome in outcomes} == {100_001}


def test_a_question_without_an_answer_ends_at_its_deadline(
    opened: Callable[..., Shell],
) -> None:
    with pytest.raises(TooSlow, match=r"no answer within 0\.5 s to `sleep 60`"):
        ask(opened(), "echo one", "sleep 60", timeout=0.5)


def test_a_shell_that_is_killed_is_a_lost_link(opened: Callable[..., Shell]) -> None:
    with pytest.raises(Interrupted) as caught:
        ask(opened(), "echo before", "kill -9 $$", "echo never")

    assert b"before" in caught.value.reply.stdout


def test_an_sshd_that_is_stopped_is_a_lost_link(
    opened: Callable[..., Shell], machine: KitchenHost
) -> None:
    transport = opened()
    ask(transport, "echo one")
    machine.run("pkill -f 'sshd: root' || :")

    with pytest.raises(HostError):
        ask(transport, "echo two")


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Path]:
    """An ssh-agent(1) of our own."""
    place = tmp_path / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", place], stdout=subprocess.DEVNULL)
    while not place.exists():
        time.sleep(0.02)
    yield place
    process.terminate()
    process.wait()


def _authorize(machine: KitchenHost, key: Path) -> None:
    public = Path(f"{key}.pub").read_text().strip()
    machine.run(f"echo '{public}' >> /root/.ssh/authorized_keys")


def _failures(machine: KitchenHost) -> int:
    journal = machine.run("journalctl -q --no-pager _COMM=sudo + _COMM=unix_chkpwd").stdout
    return journal.count("password check failed") + journal.count("authentication failure")


def _fresh(known: Path) -> None:
    """known_hosts is read once per process; a copy under another name is read anew."""
    from cookbook.transport.known_hosts import load_known_hosts

    assert known.exists()
    load_known_hosts.cache_clear()


def test_doas_is_a_way_to_become_root(opened: Callable[..., Shell], machine: KitchenHost) -> None:
    done = machine.run(
        "apt-get install -qy doas >/dev/null 2>&1"
        " && echo 'permit nopass paul' > /etc/doas.conf && chmod 400 /etc/doas.conf",
        timeout=300,
    )
    assert done.returncode == 0, done.stderr

    [who] = ask(opened(user="paul", become="doas"), "id -un")

    assert who.stdout == b"root\n"
