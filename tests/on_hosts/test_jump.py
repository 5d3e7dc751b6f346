"""Ways to a host through others, judged by what the hosts themselves see, and by ssh(1)."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cookbook.errors import Unreachable, UntrustedHost
from cookbook.hosts.connect import connect
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
from tests.on_hosts.conftest import Open, by_both

pytestmark = pytest.mark.hosts

Targets = Callable[..., Target]


@pytest.fixture(autouse=True)
def _leave() -> Iterator[None]:
    load_known_hosts.cache_clear()
    yield
    leave_bastions()


@pytest.fixture
def bastion(target: Targets, module_host: KitchenHost) -> Target:
    return target(module_host, "admin", become="none")


def seen_from(transport: Transport) -> str:
    """The address from which the host sees us come."""
    session = Session(transport)
    try:
        # The shell forgets it; what it began with is in proc(5).
        environment = sh("tr '\\0' '\\n' </proc/$$/environ | sed -n 's/^SSH_CONNECTION=//p'")
        [outcome] = session.read([environment])
    finally:
        session.close()
    return outcome.text.partition(" ")[0]


def logins(host: KitchenHost) -> int:
    return int(host.run("journalctl -q -t sshd | grep -c 'Accepted publickey'").stdout)


@by_both
def test_a_host_is_reached_through_a_bastion(
    shell: Open, target: Targets, bastion: Target, host: KitchenHost
) -> None:
    assert seen_from(shell(replace(target(host), via=bastion))) == bastion.address


@by_both
def test_through_two_bastions(
    shell: Open, target: Targets, bastion: Target, host: KitchenHost, module_host: KitchenHost
) -> None:
    second = replace(target(host), via=bastion)

    seen = seen_from(shell(replace(target(module_host), via=second)))

    assert seen == host.address


@by_both
def test_many_hosts_share_one_connection(
    shell: Open, target: Targets, bastion: Target, host: KitchenHost, module_host: KitchenHost
) -> None:
    before = logins(module_host)
    behind = replace(target(host), via=bastion, connect_timeout=30)

    with ThreadPoolExecutor(12) as pool:
        transports = list(pool.map(shell, [behind] * 12))

    assert logins(module_host) - before == 1
    for transport in transports:
        assert seen_from(transport) == bastion.address
    leave_bastions()
    _until(lambda: _established(module_host) == 0)


@by_both
def test_the_bastions_key_is_checked_and_it_is_named(
    shell: Open, target: Targets, bastion: Target, host: KitchenHost, tmp_path: Path
) -> None:
    unknown = replace(bastion, known_hosts=(tmp_path / "none",))

    with pytest.raises(UntrustedHost, match=f"bastion admin@{bastion.address}:22: the key of"):
        shell(replace(target(host), via=unknown))


@by_both
def test_the_key_of_the_host_behind_it_is_checked_as_well(
    shell: Open, target: Targets, bastion: Target, host: KitchenHost, tmp_path: Path
) -> None:
    with pytest.raises(UntrustedHost, match=f"the key of {re.escape(host.address)} is not known"):
        shell(replace(target(host), via=bastion, known_hosts=(tmp_path / "none",)))


@by_both
def test_what_is_not_there_behind_it_is_said(shell: Open, bastion: Target) -> None:
    for address, port in (("localhost", 2), ("no.such.host.invalid", 22)):
        behind = Target(address, port, via=bastion)
        with pytest.raises(Unreachable, match=f"bastion {bastion} does not reach {address}:{port}"):
            shell(behind)


@by_both
def test_a_bastion_that_leads_nobody_on(
    shell: Open, target: Targets, bastion: Target, host: KitchenHost, module_host: KitchenHost
) -> None:
    conf = "/etc/ssh/sshd_config.d/forbid.conf"
    module_host.run(f"echo AllowTcpForwarding no > {conf}; systemctl reload ssh; sleep 0.5")
    try:
        with pytest.raises(Unreachable, match="opens no channel") as caught:
            shell(replace(target(host), via=bastion))
    finally:
        module_host.run(f"rm {conf}; systemctl reload ssh; sleep 0.5")
    assert "AllowTcpForwarding" in str(caught.value.hint)


@by_both
def test_the_inventory_and_ssh_config_name_bastions(
    transport: str, kitchen: Kitchen, host: KitchenHost, module_host: KitchenHost, tmp_path: Path
) -> None:
    """By a name of the inventory, by an address that it does not know, and by ProxyJump."""
    config = tmp_path / "config"
    config.write_text(f"Host {host.address}\n ProxyJump admin@{module_host.address}\n")
    shared = {"identity_file": str(kitchen.identity), "known_hosts": str(kitchen.known_hosts)}
    shared["transport"] = transport
    inside = {"address": host.address, "user": "root"}
    hosts = _hosts(
        {
            "door": {"address": module_host.address, "user": "admin"},
            "one": inside | {"jump": "door"},
            "two": inside | {"jump": f"admin@{module_host.address}:22"},
            "three": inside | {"ssh_config": str(config)},
            "four": inside | {"ssh_config": str(config), "jump": "none"},
        },
        shared,
    )

    seen = {name: seen_from(connect(one)) for name, one in hosts.items() if name != "door"}

    ours = seen.pop("four")
    assert set(seen.values()) == {module_host.address}
    assert ours != module_host.address


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
        _until(lambda: not _processes(command))

    def test_one_that_ignores_the_end_is_ended(self, target: Targets, host: KitchenHost) -> None:
        mark = "sleep 98765"
        command = f'sh -c \'trap "" TERM HUP; {mark} & exec python3 -c "$PIPE"\''
        with pytest.raises(Unreachable):
            SshTransport(replace(target(host), proxy_command=command, connect_timeout=1))
        _until(lambda: not _processes(mark))

    def test_what_it_complains_of_is_said_at_once(self, target: Targets, host: KitchenHost) -> None:
        begun = time.monotonic()
        with pytest.raises(Unreachable, match="no way through"):
            SshTransport(replace(target(host), proxy_command="sh -c 'echo no way through >&2'"))
        assert time.monotonic() - begun < 3


def _hosts(hosts: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Host]:
    return dict(from_data({"defaults": defaults, "hosts": hosts}).hosts)


def _established(host: KitchenHost) -> int:
    return int(host.run("ss -Htn state established '( sport = :22 )' | wc -l").stdout)


def _processes(command: str) -> list[str]:
    found = subprocess.run(
        ["pgrep", "-f", "--", command], capture_output=True, text=True, check=False
    )
    return found.stdout.split()


def _until(so: Callable[[], bool], seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not so():
        assert time.monotonic() < end
        time.sleep(0.05)
