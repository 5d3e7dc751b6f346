"""SSH by paramiko: what it says of keys, beyond the contract; and the facts of a host."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cookbook.errors import AuthenticationFailed, UntrustedHost
from cookbook.hosts.session import Session
from cookbook.kitchen import KitchenHost
from cookbook.transport.known_hosts import load_known_hosts
from cookbook.transport.paramiko_ssh.transport import SshTransport
from cookbook.transport.target import Target

pytestmark = pytest.mark.hosts

Targets = Callable[..., Target]


def test_facts_are_true(target: Targets, host: KitchenHost) -> None:
    facts = Session(SshTransport(target(host))).facts()

    assert facts.root
    assert (facts.family, facts.distribution, facts.codename) == ("debian", "debian", "bookworm")
    assert (facts.init, facts.package_tool, facts.firewall_tool) == ("systemd", "apt", "nftables")
    assert facts.hostname == host.run("hostname").stdout.strip()
    assert facts.machine_id == host.run("cat /etc/machine-id").stdout.strip()
    assert facts.virtualization == "systemd-nspawn"
    assert host.address in facts.addresses


def test_an_unknown_key_is_refused_with_what_accepts_it(
    target: Targets, host: KitchenHost, tmp_path: Path
) -> None:
    known = tmp_path / "known_hosts"
    with pytest.raises(UntrustedHost) as caught:
        SshTransport(replace(target(host), known_hosts=(known,)))

    real = host.run("ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub").stdout.split()[1]
    assert real in str(caught.value)
    command = str(caught.value.hint).partition("to accept it: ")[2]
    subprocess.run(["sh", "-c", command], check=True)
    assert known.exists()
    load_known_hosts.cache_clear()  # it is read once per process
    SshTransport(replace(target(host), known_hosts=(known,))).close()


def test_a_key_nobody_knows_is_refused(target: Targets, host: KitchenHost, tmp_path: Path) -> None:
    key = tmp_path / "stranger"
    subprocess.run(["ssh-keygen", "-qt", "ed25519", "-N", "", "-f", key], check=True)

    with pytest.raises(AuthenticationFailed) as caught:
        SshTransport(replace(target(host), identity_files=(key,)))

    assert str(key) in str(caught.value.hint)


def test_a_locked_key_is_named(target: Targets, host: KitchenHost, tmp_path: Path) -> None:
    key = tmp_path / "locked"
    subprocess.run(["ssh-keygen", "-qt", "ed25519", "-N", "secret", "-f", key], check=True)

    with pytest.raises(AuthenticationFailed) as caught:
        SshTransport(replace(target(host), identity_files=(key,)))

    assert f"{key} (locked with a passphrase, and not in the agent)" in str(caught.value.hint)
