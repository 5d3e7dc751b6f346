"""The transport that is ssh(1): its refusals, its silences, and what it leaves behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cookbook.hosts.connect import connect as reach
from cookbook.hosts.connect import login
from cookbook.inventory import Host
from cookbook.kitchen import Kitchen, KitchenHost
from cookbook.script.program import Ask, Program
from cookbook.script.shell import Command
from cookbook.transport.contract import run
from cookbook.transport.openssh import control_dir
from cookbook.transport.openssh.transport import OpenSshOptions, OpenSshTransport
from cookbook.transport.target import Target
from tests.on_hosts.conftest import HEADING
from tests.waiting import eventually

pytestmark = pytest.mark.hosts

Connect = Callable[..., OpenSshTransport]
ROOT = Path(__file__).parents[2]


@pytest.fixture
def connect(target: Callable[..., Target], host: KitchenHost) -> Iterator[Connect]:
    transports: list[OpenSshTransport] = []

    def make(**changes: object) -> OpenSshTransport:
        chosen = replace(target(host), **changes)  # type: ignore[arg-type]
        transport = OpenSshTransport(chosen, OpenSshOptions(config="none"))
        transports.append(transport)
        return transport

    yield make
    for transport in transports:
        transport.close()


def ask(transport: OpenSshTransport, text: str, timeout: float = 30) -> str:
    [outcome] = run(transport, Program((Ask(Command(text, text), timeout),)))
    return outcome.text


class TestFolder:
    def test_it_is_private_and_a_master_ends_with_its_transport(self, connect: Connect) -> None:
        shell = connect()
        socket = Path(shell._master.socket)
        assert socket.is_socket()
        assert socket.parent.stat().st_mode & 0o777 == 0o700
        [master] = _masters(socket)

        shell.close()

        eventually(lambda: not Path(f"/proc/{master}").exists())
        assert not socket.exists()

    def test_what_a_killed_run_leaves_ends_with_the_next_one(
        self, host: KitchenHost, kitchen: Kitchen, runtime: Path
    ) -> None:
        """One that lives keeps what it has."""
        killed, living = (_holder(kitchen, host) for _ in range(2))
        sockets = [Path(_said(process)) for process in (killed, living)]
        assert {socket.parent.parent for socket in sockets} == {runtime}
        left, kept = (_masters(socket)[0] for socket in sockets)
        os.kill(killed.pid, signal.SIGKILL)
        killed.communicate()
        assert Path(f"/proc/{left}").exists()

        control_dir._folder()

        eventually(lambda: not Path(f"/proc/{left}").exists())
        assert not sockets[0].parent.exists()
        assert Path(f"/proc/{kept}").exists()
        living.communicate()  # it ends as it should, and takes its folder with it
        eventually(lambda: not Path(f"/proc/{kept}").exists())
        assert not sockets[1].parent.exists()


def test_a_run_by_openssh(
    kitchen: Kitchen, host: KitchenHost, tmp_path: Path, runtime: Path
) -> None:
    """A second one changes nothing, and no ssh is left when its process has ended."""
    inventory = tmp_path / "hosts.yml"
    text = kitchen.hosts_yml.read_text()
    text = text.replace("id_ed25519", str(kitchen.identity))
    text = text.replace("known_hosts: known_hosts", f"known_hosts: {kitchen.known_hosts}")
    inventory.write_text(text.replace("become: sudo", "become: sudo, transport: openssh"))
    (recipe := tmp_path / "r.py").write_text(
        f"{HEADING}file('/etc/by-openssh', content='x' * 300000)\n"
    )
    words = ["converge", str(recipe), "--hosts", str(inventory), "--limit", host.name]
    for status in ("changed", "ok"):
        done = subprocess.run(
            [sys.executable, "-m", "cookbook.cli", *words, "--output", "json"],
            capture_output=True,
            check=False,
            cwd=ROOT,
        )
        assert done.returncode == 0, done.stderr
        [told] = json.loads(done.stdout)["hosts"][host.name]["resources"]
        assert told["status"] == status
    assert host.run("wc -c </etc/by-openssh; stat -c %U /etc/by-openssh").stdout == "300000\nroot\n"
    eventually(lambda: not _masters(runtime))  # one ends a moment after it was told to
    assert not list(runtime.iterdir())


def test_ssh_reads_its_configuration_itself(
    kitchen: Kitchen, host: KitchenHost, tmp_path: Path
) -> None:
    """Also who we are there: whether sudo is needed depends on it."""
    config = tmp_path / "config"
    config.write_text(
        f"Host alias\n  HostName {host.address}\n  User admin\n"
        f"  IdentityFile {kitchen.identity}\n  UserKnownHostsFile {kitchen.known_hosts}\n"
    )
    alias = Host("alias", ssh_config=config, transport="openssh", become="sudo")
    assert login(alias) == ("admin", 22)

    shell = reach(alias)
    try:
        assert isinstance(shell, OpenSshTransport)
        by = r"tr '\0' '\n' </proc/$$/environ | sed -n 's/^SUDO_USER=//p'"  # as sudo began it
        assert ask(shell, f"id -un; {by}") == "root\nadmin\n"
    finally:
        shell.close()


def _new_key(path: Path) -> str:
    subprocess.run(["ssh-keygen", "-qt", "ed25519", "-N", "", "-f", path], check=True)
    return " ".join(Path(f"{path}.pub").read_text().split()[:2])


def _masters(socket: Path) -> list[str]:
    """The numbers of the masters at, or below, this path; ssh changes its title."""
    titles = f"^ssh: {socket}.*\\[mux\\]|^ssh -fNM -S {socket}"
    found = subprocess.run(["pgrep", "-f", titles], capture_output=True, check=False)
    return found.stdout.decode().split()


_HOLDER = """
import sys
from pathlib import Path
from cookbook.transport.openssh.transport import OpenSshTransport
from cookbook.transport.target import OpenSshOptions, Target
address, identity, known = sys.argv[1:]
target = Target(address, identity_files=(Path(identity),), known_hosts=(Path(known),), agent=False)
shell = OpenSshTransport(target, OpenSshOptions(config="none"))
print(shell._master.socket, flush=True)
sys.stdin.read()
"""


def _holder(kitchen: Kitchen, host: KitchenHost) -> subprocess.Popen[str]:
    words = (host.address, str(kitchen.identity), str(kitchen.known_hosts))
    return subprocess.Popen(
        [sys.executable, "-c", _HOLDER, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def _said(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()
