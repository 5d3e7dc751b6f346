"""
The contract of the transports to another machine: one suite of cases, run by each of them.

Every module here runs each case by paramiko and by ssh(1) (`by_both`), on one host. A transport
promises:

- test_host_key: who the host is, is checked before anything is sent. A key that is not known, has
  changed or is revoked is refused (UntrustedHost), and no file is written; hashed names, the other
  types of keys, and certificates of a known authority are believed as ssh(1) believes them.
- test_login: each named key, of any kind, with its certificate or from an agent, lets the user in,
  and no other key is offered with `identities_only`. A login that the host has closed is refused
  in the words of the host (AuthenticationFailed). Each shell is a login of its own.
- test_password: a login password is tried once, answers one question, and is seen by no other
  program.
- test_reach: who does not listen, answer, greet, or open a shell in time is Unreachable within its
  time limit, which is named; a busy server is tried again, a slow login is waited for.
- test_bastion: all hosts behind a bastion share one connection to it; its errors name it, a lost
  one is made anew, once.
- test_shell: one POSIX shell, as the user that is wanted, whatever the login shell is and says.
  Both streams have every byte, in any amount; a question ends at its deadline (TooSlow).
- test_become: sudo gets its password by standard input, once, and only if it asks; a terminal if
  it requires one.
- test_lost: a shell that was killed, a session that was ended and a link that has gone silent are a
  lost link (Interrupted), with the reply so far; a slow command is none. A run then continues
  over a new connection.

What only one of them has is elsewhere: paramiko's own words in on_hosts/test_ssh.py, the masters
of ssh(1) in on_hosts/test_openssh.py, what paramiko does not support in
on_hosts/test_beyond_paramiko.py. Everything above the transport is run by one of them.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import pytest

from bench.relay import Relay
from cookbook.kitchen import KitchenHost
from cookbook.script.program import Ask, Outcome, Program
from cookbook.script.shell import Command
from cookbook.transport.contract import run
from cookbook.transport.target import Target
from tests.agents import running_agent
from tests.faults.conftest import ran, start, words
from tests.on_hosts import sshd as settings
from tests.on_hosts.conftest import (
    Open,
    Shell,
    by_both,
    converge,
    cook,
    inventory_of,
    runtime,
    shell,
    target,
    who,
)

__all__ = [
    "Open",
    "Shell",
    "by_both",
    "converge",
    "cook",
    "inventory_of",
    "ran",
    "runtime",
    "shell",
    "start",
    "target",
    "who",
    "words",
]

Targets = Callable[..., Target]


class Opened(Protocol):
    """Open a shell on the host of the module as root, with some settings of the target changed."""

    def __call__(self, **changes: Any) -> Shell: ...


@pytest.fixture(scope="module")
def machine(module_host: KitchenHost) -> KitchenHost:
    """A host with paul, whose sudo wants a password, and noisy, whose login shell talks."""
    done = module_host.run(
        """
        set -e
        for u in paul noisy; do
            useradd -m -s /bin/bash $u
            mkdir -p /home/$u/.ssh
            cp /root/.ssh/authorized_keys /home/$u/.ssh/
            chown -R $u: /home/$u/.ssh
        done
        echo 'paul:sesame' | chpasswd
        printf 'paul ALL=(ALL) ALL\\nnoisy ALL=(ALL) NOPASSWD: ALL\\n' > /etc/sudoers.d/tests
        chmod 440 /etc/sudoers.d/tests
        printf 'echo welcome to this machine\\necho oops >&2\\n' > /home/noisy/.bashrc
        """
    )
    assert done.returncode == 0, done.stderr
    return module_host


@pytest.fixture
def opened(shell: Open, target: Targets, machine: KitchenHost) -> Iterator[Opened]:
    """Shells on the host; they are closed at the end."""
    transports: list[Shell] = []

    def connect(**changes: Any) -> Shell:
        transport = shell(replace(target(machine), **changes))
        transports.append(transport)
        return transport

    yield connect
    for transport in transports:
        transport.close()


@pytest.fixture
def sshd(module_host: KitchenHost) -> Iterator[Callable[..., None]]:
    """Have sshd say something more, for one test."""
    yield lambda *lines: settings.configure(module_host, *lines)
    settings.restore(module_host)


@pytest.fixture
def relay(module_host: KitchenHost) -> Iterator[Relay]:
    """A link to the host that can be cut."""
    with Relay([(module_host.address, 22)]) as one:
        yield one


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Path]:
    """An ssh-agent(1) of our own."""
    with running_agent(tmp_path / "agent") as place:
        yield place


def ask(transport: Shell, *texts: str, timeout: float = 30) -> list[Outcome]:
    """Ask the questions in one exchange."""
    parts = tuple(Ask(Command(text, text), timeout) for text in texts)
    return run(transport, Program(parts))


def keygen(*words: str | Path) -> None:
    """Run ssh-keygen(1)."""
    subprocess.run(["ssh-keygen", "-q", *words], check=True, capture_output=True)


def new_key(path: Path, kind: str = "ed25519", passphrase: str = "") -> str:
    """Make a key; return its type and its public part."""
    keygen("-t", kind, "-N", passphrase, "-f", path)
    return " ".join(Path(f"{path}.pub").read_text().split()[:2])


def add(agent: Path, *keys: Path) -> None:
    """Give keys to an agent; only ssh-add(1) is told where that agent is."""
    there = os.environ | {"SSH_AUTH_SOCK": str(agent)}
    subprocess.run(["ssh-add", "-q", *keys], check=True, capture_output=True, env=there)


def authorize(machine: KitchenHost, key: Path) -> None:
    """Let root in with this key, too."""
    public = Path(f"{key}.pub").read_text().strip()
    machine.run(f"echo '{public}' >> /root/.ssh/authorized_keys")


def logins(host: KitchenHost) -> int:
    """Return how many logins by key the host has seen."""
    look = "journalctl --sync; journalctl -q -t sshd | grep -c 'Accepted publickey'"
    return int(host.run(look).stdout)
