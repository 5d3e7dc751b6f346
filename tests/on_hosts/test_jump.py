"""Ways to a host: how bastions are named, and ProxyCommand, which ssh(1) runs by itself."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from cookbook.errors import Unreachable
from cookbook.hosts.session import Session
from cookbook.hosts.target_resolution import target_of
from cookbook.inventory import Host, from_data
from cookbook.kitchen import Kitchen, KitchenHost
from cookbook.script.shell import sh
from cookbook.transport.bastion import leave_bastions
from cookbook.transport.contract import Transport
from cookbook.transport.known_hosts import load_known_hosts
from cookbook.transport.paramiko_ssh.transport import SshTransport
from cookbook.transport.target import Target
from tests.waiting import eventually

pytestmark = pytest.mark.hosts

# As sshd has begun the shell: commands of root do not see it.
_FROM = sh(r"tr '\0' '\n' </proc/$$/environ | sed -n 's/^SSH_CONNECTION=\([^ ]*\).*/\1/p'")

Targets = Callable[..., Target]


@pytest.fixture(autouse=True)
def _leave() -> Iterator[None]:
    load_known_hosts.cache_clear()
    yield
    leave_bastions()


def seen_from(transport: Transport) -> str:
    """The address from which the host sees us come."""
    session = Session(transport)
    try:
        [outcome] = session.read([_FROM])
    finally:
        session.close()
    return outcome.text.strip()


def test_a_way_in_a_circle_is_refused() -> None:
    hosts = _hosts({"a": {"jump": "b"}, "b": {"jump": "c"}, "c": {"jump": "a"}}, {})

    with pytest.raises(Unreachable, match="in a circle: a, b, c, a"):
        target_of(hosts["a"])


def test_a_group_with_its_bastion_in_it() -> None:
    """`defaults: {jump: door}` means the others; the door itself is reached directly."""
    hosts = _hosts({"door": {}, "web": {}}, {"jump": "door"})

    assert target_of(hosts["door"]).via is None
    assert target_of(hosts["web"]).via == target_of(hosts["door"])


class TestCommand:
    def test_its_streams_are_the_link_and_it_ends_with_it(
        self, target: Targets, host: KitchenHost, kitchen: Kitchen, module_host: KitchenHost
    ) -> None:
        known = f"-o UserKnownHostsFile={kitchen.known_hosts} -i {kitchen.identity}"
        command = f"ssh -F none {known} -W {host.address}:22 admin@{module_host.address}"
        transport = SshTransport(replace(target(host), proxy_command=command))
        assert len(_processes(command)) == 1

        assert seen_from(transport) == module_host.address
        eventually(lambda: not _processes(command))

    def test_one_that_ignores_the_end_is_ended(self, target: Targets, host: KitchenHost) -> None:
        mark = f"sleep 98765.{os.getpid()}"  # not that of another test run on this machine
        command = f'sh -c \'trap "" TERM HUP; {mark} & exec python3 -c "$PIPE"\''
        with pytest.raises(Unreachable):
            SshTransport(replace(target(host), proxy_command=command, connect_timeout=1))
        eventually(lambda: not _processes(mark))

    def test_what_it_complains_of_is_said_at_once(self, target: Targets, host: KitchenHost) -> None:
        begun = time.monotonic()
        command = "sh -c 'echo no way through >&2'"
        patient = replace(target(host), proxy_command=command, connect_timeout=600)
        with pytest.raises(Unreachable, match="no way through"):
            SshTransport(patient)
        assert time.monotonic() - begun < 60


def _hosts(hosts: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Host]:
    return dict(from_data({"defaults": defaults, "hosts": hosts}).hosts)


def _processes(command: str) -> list[str]:
    found = subprocess.run(
        ["pgrep", "-f", "--", command], capture_output=True, text=True, check=False
    )
    return found.stdout.split()
