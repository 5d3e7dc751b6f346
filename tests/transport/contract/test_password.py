"""A password to log in with: given once, and seen by no other program."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from cookbook.errors import AuthenticationFailed
from cookbook.kitchen import KitchenHost
from cookbook.script.shell import Secret
from cookbook.transport.bastion import leave_bastions
from cookbook.transport.contract import LoginPasswordRefused
from cookbook.transport.target import Target
from tests.transport.contract.conftest import Open, by_both, who

pytestmark = [pytest.mark.hosts, by_both]

PASSWORD = "open-%s\\n'\"sesame 7$x"
"""With what would mean something to a shell, a format, or ssh_config(5)."""


@pytest.fixture(scope="module")
def machine(module_host: KitchenHost) -> KitchenHost:
    """A host with paul, who has a password and no key."""
    done = module_host.run(
        f"useradd -m -s /bin/bash paul && cat <<'E' | chpasswd\npaul:{PASSWORD}\nE\n"
    )
    assert done.returncode == 0, done.stderr
    return module_host


@pytest.fixture
def paul(target: Callable[..., Target], machine: KitchenHost) -> Target:
    named = target(machine, become="none", identity_files=())
    return replace(named, user="paul", password=Secret(PASSWORD))


def failures(machine: KitchenHost) -> int:
    """How many passwords PAM has found wrong, the end of a conversation among them."""
    time.sleep(0.5)
    look = "journalctl --sync; journalctl -q --no-pager -t sshd"
    journal = machine.run(look).stdout.splitlines()
    return sum("authentication failure;" in line or "check failed" in line for line in journal)


def wrong_codes(machine: KitchenHost) -> int:
    journal = machine.run("journalctl --sync; journalctl -q --no-pager").stdout
    return journal.count("Invalid verification code")


BY_PASSWORD = "PasswordAuthentication yes\nKbdInteractiveAuthentication no"
BY_QUESTIONS = "PasswordAuthentication no\nKbdInteractiveAuthentication yes"
BY_EITHER = "PasswordAuthentication yes\nKbdInteractiveAuthentication yes"


@pytest.mark.parametrize("how", [BY_PASSWORD, BY_QUESTIONS, BY_EITHER])
def test_it_lets_us_in_and_a_wrong_one_costs_one_attempt(
    shell: Open, paul: Target, sshd: Callable[..., None], machine: KitchenHost, how: str
) -> None:
    sshd(how)
    before = failures(machine)
    assert who(shell(paul)) == "paul"
    with pytest.raises(LoginPasswordRefused, match="does not take the password"):
        shell(replace(paul, password=Secret("wrong")))
    assert failures(machine) - before == 1


def test_where_nobody_asks_for_one_that_is_said(
    shell: Open, paul: Target, sshd: Callable[..., None], machine: KitchenHost
) -> None:
    sshd("PasswordAuthentication no\nKbdInteractiveAuthentication no")
    before = failures(machine)
    with pytest.raises(AuthenticationFailed, match="does not take the password") as caught:
        shell(paul)
    assert "publickey" in str(caught.value.hint)
    assert failures(machine) == before


def test_a_second_question_is_not_answered(
    shell: Open, paul: Target, sshd: Callable[..., None], machine: KitchenHost
) -> None:
    """Another factor: what it is asked for, the password is not good for."""
    done = machine.run(
        "set -e; cd ~paul; cp /etc/pam.d/sshd /root/pam;"
        " apt-get install -qy --no-install-recommends libpam-google-authenticator >/dev/null;"
        " printf 'JBSWY3DPEHPK3PXP\\n\" TOTP_AUTH\\n' >.google_authenticator;"
        " chown paul .google_authenticator; chmod 400 .google_authenticator;"
        " sed -i '/common-auth/a auth required pam_google_authenticator.so' /etc/pam.d/sshd",
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    before = wrong_codes(machine)
    sshd(BY_QUESTIONS)
    try:
        with pytest.raises(AuthenticationFailed):
            shell(paul)
    finally:
        machine.run("cp /root/pam /etc/pam.d/sshd")
    time.sleep(0.5)
    assert wrong_codes(machine) == before


def test_a_key_that_is_named_comes_first(
    shell: Open, target: Callable[..., Target], machine: KitchenHost, paul: Target
) -> None:
    before = failures(machine)
    root = replace(target(machine), password=Secret("wrong"))
    assert who(shell(root)) == "root"
    assert failures(machine) == before
    assert root.identity_files != paul.identity_files


def test_what_unlocks_a_key_is_not_it(shell: Open, paul: Target, tmp_path: Path) -> None:
    """A named key that is locked is passed over; its passphrase is another thing."""
    key = tmp_path / "locked"
    keygen: list[str | Path] = ["ssh-keygen", "-qt", "ed25519", "-N", "other", "-f", key]
    subprocess.run(keygen, check=True)
    assert who(shell(replace(paul, identity_files=(key,)))) == "paul"


def test_through_a_bastion_that_wants_one(
    shell: Open, target: Callable[..., Target], paul: Target, host: KitchenHost
) -> None:
    try:
        assert who(shell(replace(target(host), via=paul))) == "root"
        with pytest.raises(LoginPasswordRefused, match=r"bastion paul@.* does not take the passw"):
            shell(replace(target(host), via=replace(paul, password=Secret("wrong"))))
    finally:
        leave_bastions()


@contextmanager
def watched(folder: Path) -> Iterator[list[str]]:
    """Where the password is seen on this machine: arguments, environments, files in a folder."""
    seen: list[str] = []
    over = threading.Event()
    needle = PASSWORD.encode()
    looks = [0]

    def look() -> None:
        while not over.is_set():
            looks[0] += 1
            processes = [path for path in Path("/proc").iterdir() if path.name.isdecimal()]
            places = [path / name for path in processes for name in ("cmdline", "environ")]
            # Folders come and go meanwhile: unlike rglob, walk passes over those that are gone.
            below = [Path(top, name) for top, _, names in os.walk(folder) for name in names]
            files = [file for file in below if file.is_file()]
            for place in (*places, *files):
                try:
                    if needle in place.read_bytes().replace(b"\0", b" "):
                        seen.append(str(place))
                except OSError:
                    continue

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()
        assert looks[0] > 3


def test_it_is_in_nobodys_arguments_environment_or_files(
    shell: Open, paul: Target, runtime: Path
) -> None:
    with watched(runtime) as seen:
        for _ in range(5):
            assert who(shell(paul)) == "paul"
        with pytest.raises(LoginPasswordRefused):
            shell(replace(paul, user="nobody-at-all"))
    assert seen == []
    assert not list(runtime.rglob("*.pass"))
