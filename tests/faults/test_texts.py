"""What people read when a real host fails them: tests/golden/errors/on-a-host-* has the texts."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cookbook.cli import main
from cookbook.kitchen import Kitchen, KitchenHost
from cookbook.transport.known_hosts import load_known_hosts
from tests.faults.shape import undone
from tests.texts import check
from tests.waiting import until

pytestmark = pytest.mark.hosts

HEADING = "from cookbook.resources import *\nfrom cookbook.recipe import *\n"

Says = Callable[..., None]


@pytest.fixture(scope="module")
def machine(module_host: KitchenHost) -> KitchenHost:
    """A host that these tests share, with a user who has to say a password to sudo."""
    load_known_hosts.cache_clear()  # it was read before this one was there
    module_host.run(
        "useradd -m paul && echo paul:right | chpasswd && usermod -aG sudo paul &&"
        " install -d -o paul -g paul -m 700 ~paul/.ssh &&"
        " install -o paul -g paul -m 600 ~root/.ssh/authorized_keys ~paul/.ssh/"
    )
    return module_host


@pytest.fixture
def says(
    kitchen: Kitchen,
    machine: KitchenHost,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Says:
    """Converge a recipe on the host, reached as `how` says, and compare what is said."""
    monkeypatch.chdir(tmp_path)

    def run(name: str, recipe: str, *given: str, **how: str) -> None:
        settings = {
            "address": machine.address,
            "user": "admin",
            "become": "sudo",
            "identity_file": str(kitchen.identity),
            "known_hosts": str(kitchen.known_hosts),
            "ssh_config": "none",
        }
        shown = ", ".join(f"{key}: {value}" for key, value in (settings | how).items())
        Path("hosts.yml").write_text(f"hosts: {{web1: {{{shown}}}}}\n")
        Path("recipe.py").write_text(HEADING + recipe)
        main(["converge", "recipe.py", "--hosts", "hosts.yml", "--as", "texts", *given])
        said = capsys.readouterr()
        words = {str(tmp_path): "/tmp/d", machine.address: "192.0.2.1", str(kitchen.folder): "/k"}
        text = said.out + said.err
        if name == "dpkg-locked":  # how often, and when, it says who holds which lock, differs
            lines = [line for line in text.splitlines(keepends=True) if "| Waiting" not in line]
            said_by_apt = sorted({line for line in lines if "| E: " in line})
            first = next(i for i, line in enumerate(lines) if "| E: " in line)
            others = [line for line in lines[first:] if "| E: " not in line]
            text = "".join([*lines[:first], *said_by_apt, *dict.fromkeys(others)])
        check(f"on-a-host-{name}", text, words)

    return run


FINE = "file('/etc/fine', content='x')\n"


def test_a_port_that_nobody_listens_at(says: Says) -> None:
    says("unreachable-port", FINE, port="9")


def test_a_key_that_is_not_known(says: Says, tmp_path: Path) -> None:
    says("key-unknown", FINE, known_hosts=str(tmp_path / "known_hosts"))


def _key(path: Path) -> list[str]:
    subprocess.run(["ssh-keygen", "-qt", "ed25519", "-N", "", "-f", path], check=True)
    return Path(f"{path}.pub").read_text().split()


def test_a_key_that_has_changed(says: Says, machine: KitchenHost, tmp_path: Path) -> None:
    kind, key, *_ = _key(tmp_path / "other")
    (tmp_path / "known_hosts").write_text(f"{machine.address} {kind} {key}\n")
    says("key-changed", FINE, known_hosts=str(tmp_path / "known_hosts"))


def test_a_key_of_ours_that_is_not_taken(says: Says, tmp_path: Path) -> None:
    _key(tmp_path / "stranger")
    says("login-refused", FINE, identity_file=str(tmp_path / "stranger"), agent="false")


def test_a_key_that_is_locked_where_nobody_can_be_asked(says: Says, tmp_path: Path) -> None:
    """C21."""
    locked = ["ssh-keygen", "-qt", "ed25519", "-N", "passphrase", "-f", str(tmp_path / "locked")]
    subprocess.run(locked, check=True)
    says("key-locked", FINE, identity_file=str(tmp_path / "locked"), agent="false")


def test_a_password_that_is_wrong(says: Says, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COOK_SECRET_SUDO", "wrong-password")
    says("sudo-password", FINE, user="paul", become_password="!secret sudo")


def test_no_password_where_one_is_wanted(says: Says) -> None:
    says("sudo-no-password", FINE, user="paul")


def test_a_terminal_that_cannot_be_made(
    says: Says, machine: KitchenHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C18."""
    monkeypatch.setenv("COOK_SECRET_SUDO", "right")
    away = "mv /usr/bin/script /usr/bin/away; echo Defaults requiretty >/etc/sudoers.d/zz"
    with undone(machine, away, "mv /usr/bin/away /usr/bin/script; rm /etc/sudoers.d/zz"):
        says("requiretty", FINE, user="paul", become_password="!secret sudo")


def test_a_command_that_fails(says: Says) -> None:
    says("command-failed", "execute('apt-get install -qq no-such-package')\n" + FINE)


def test_a_command_that_takes_too_long(says: Says) -> None:
    says("timeout", "execute('echo at it; sleep 30', timeout=5)\n" + FINE)


def test_a_link_that_is_lost_for_good(says: Says) -> None:
    says("link-lost", "execute('kill -9 $$')\n" + FINE, "--reconnect", "0")


@pytest.fixture
def busy(machine: KitchenHost) -> Iterator[None]:
    """Somebody else's apt-get is at work: its hook runs while it holds dpkg's lock."""
    hold = "touch /tmp/held; while [ -e /tmp/hold ]; do sleep 0.1; done"
    hook = f'-o DPkg::Pre-Invoke::="{hold}"'
    machine.run("touch /tmp/hold; apt-get install -qy hello", timeout=300)
    machine.run(f"setsid apt-get {hook} install -y --reinstall hello >/dev/null 2>&1 &")
    until(machine, "/tmp/held")
    yield
    machine.run("rm -f /tmp/hold; while pgrep -x apt-get >/dev/null; do sleep 0.1; done")


@pytest.mark.usefixtures("busy")
def test_a_dpkg_that_is_locked(says: Says) -> None:
    says("dpkg-locked", "package('tree', lock_timeout=1)\n")


def test_a_change_that_is_sure_to_cut_our_way(says: Says) -> None:
    says("would-lock-out", "service('ssh', action='stop')\n" + FINE)


def test_a_change_that_has_cut_our_way(says: Says) -> None:
    recipe = "file('/etc/sudoers.d/zz-cook', content='admin ALL=(ALL) !ALL\\n', mode='440')\n"
    says("locked-out", recipe, "--confirm-timeout", "5s")


def test_no_text_has_a_key_of_ours_in_it() -> None:
    from tests.texts import FOLDER

    for path in FOLDER.glob("on-a-host-*.txt"):
        assert not re.search(r"wrong-password|AAAA[A-Za-z0-9+/]{30}", path.read_text())
