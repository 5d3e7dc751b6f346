"""`cook trust`, judged by ssh(1), which reads the same known_hosts."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cookbook.kitchen import Kitchen, KitchenHost

pytestmark = pytest.mark.hosts

ROOT = Path(__file__).parents[2]
Trust = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def known(tmp_path: Path) -> Path:
    return tmp_path / "ssh" / "known_hosts"


@pytest.fixture
def trust(kitchen: Kitchen, host: KitchenHost, known: Path, tmp_path: Path) -> Trust:
    inventory = tmp_path / "hosts.yml"
    inventory.write_text(
        f"defaults: {{user: admin, known_hosts: {known}, identity_file: {kitchen.identity}}}\n"
        f"hosts: {{web1: {{address: {host.address}}}}}\n"
    )

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "cookbook.cli", "trust", "--hosts", str(inventory)]
        return subprocess.run(
            [*command, *words],
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
        )

    return run


def ssh_trusts(kitchen: Kitchen, host: KitchenHost, known: Path) -> bool:
    options = ["-o", f"UserKnownHostsFile={known}", "-o", "StrictHostKeyChecking=yes"]
    command = ["ssh", "-F", "none", "-o", "BatchMode=yes", "-i", str(kitchen.identity), *options]
    done = subprocess.run(
        [*command, f"admin@{host.address}", "true"], capture_output=True, check=False
    )
    return done.returncode == 0


def fingerprint(host: KitchenHost) -> str:
    return host.run("ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub").stdout


def test_a_new_key_is_shown_and_taken_only_if_somebody_says_so(
    kitchen: Kitchen, host: KitchenHost, trust: Trust, known: Path
) -> None:
    shown = trust()
    assert shown.returncode == 2
    assert re.search(r"SHA256:\S+", shown.stdout)[0] in fingerprint(host)  # type: ignore[index]
    assert not known.exists()

    assert trust("--yes").returncode == 0
    assert ssh_trusts(kitchen, host, known)
    again = trust()
    assert (again.returncode, again.stdout.split()[-1]) == (0, "known")
    assert len(known.read_text().splitlines()) == 1


def test_only_what_was_expected_is_taken(
    kitchen: Kitchen, host: KitchenHost, trust: Trust, known: Path, tmp_path: Path
) -> None:
    (tmp_path / "other").write_text("256 SHA256:0000 root@web1 (ED25519)\n")
    refused = trust("--expect", str(tmp_path / "other"), "--yes")
    assert refused.returncode == 3
    assert "not among the expected ones" in refused.stdout
    assert not known.exists()

    (tmp_path / "right").write_text(fingerprint(host))
    assert trust("--expect", str(tmp_path / "right")).returncode == 0
    assert ssh_trusts(kitchen, host, known)


def test_a_changed_key_is_never_taken(host: KitchenHost, trust: Trust, known: Path) -> None:
    trust("--yes")
    name, kind, _ = known.read_text().split()
    other = "AAAAC3NzaC1lZDI1NTE5AAAAIJ7a8cTcCN3VkU0jOLk2Yp3sM6V2r1VkGq7m1q2Zl0aB"
    known.write_text(f"{name} {kind} {other}\n")

    changed = trust("--yes")
    assert changed.returncode == 3
    assert "CHANGED: another key than the known one" in changed.stdout
    assert f"ssh-keygen -R {name} -f {known}; then `cook trust` again" in changed.stdout
    assert known.read_text() == f"{name} {kind} {other}\n"
    assert host.address == name


def test_a_host_that_does_not_answer_is_named(trust: Trust, tmp_path: Path) -> None:
    path = tmp_path / "hosts.yml"
    path.write_text(path.read_text().replace("web1: {", "web1: {port: 9, "))
    done = trust("--yes")
    assert done.returncode == 4
    assert ":9" in done.stderr
