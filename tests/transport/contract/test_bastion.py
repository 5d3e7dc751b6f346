"""Hosts behind bastions, judged by what the hosts themselves see; and a bastion that dies."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.relay import Link, Relay
from cookbook.errors import Unreachable, UntrustedHost
from cookbook.hosts.connect import connect
from cookbook.hosts.session import Session
from cookbook.inventory import Host, from_data
from cookbook.kitchen import Kitchen, KitchenHost
from cookbook.script.shell import sh
from cookbook.transport.bastion import leave_bastions
from cookbook.transport.contract import Interrupted, Transport
from cookbook.transport.known_hosts import load_known_hosts
from cookbook.transport.target import Target
from tests.texts import check_host
from tests.transport.contract.conftest import Open, Shell, Targets, by_both, logins
from tests.waiting import eventually

pytestmark = [pytest.mark.hosts, by_both]

MANY = 20

# As sshd has begun the shell: commands of root do not see it.
_FROM = sh(r"tr '\0' '\n' </proc/$$/environ | sed -n 's/^SSH_CONNECTION=\([^ ]*\).*/\1/p'")


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
        [outcome] = session.read([_FROM])
    finally:
        session.close()
    return outcome.text.strip()


@pytest.fixture
def behind(
    target: Targets, module_host: KitchenHost, host: KitchenHost, relay: Relay
) -> list[Target]:
    """Many hosts behind one bastion, to which the relay leads."""
    alias = {"host_key_alias": module_host.address, "connect_timeout": 90.0}
    bastion = target(module_host, "admin", become="none", address="127.0.0.1", **alias)
    bastion = replace(bastion, port=relay.ports[0])
    return [target(host, via=bastion, connect_timeout=90.0 + i / 100) for i in range(MANY)]


def test_a_host_is_reached_through_a_bastion(
    shell: Open, target: Targets, bastion: Target, host: KitchenHost
) -> None:
    assert seen_from(shell(replace(target(host), via=bastion))) == bastion.address


def test_through_two_bastions(
    shell: Open, target: Targets, bastion: Target, host: KitchenHost, module_host: KitchenHost
) -> None:
    second = replace(target(host), via=bastion)

    seen = seen_from(shell(replace(target(module_host), via=second)))

    assert seen == host.address


def test_many_hosts_share_one_connection(
    shell: Open, target: Targets, bastion: Target, host: KitchenHost, module_host: KitchenHost
) -> None:
    before = logins(module_host)
    behind = replace(target(host), via=bastion, connect_timeout=90)

    with ThreadPoolExecutor(12) as pool:
        transports = list(pool.map(shell, [behind] * 12))

    assert logins(module_host) - before == 1
    for transport in transports:
        assert seen_from(transport) == bastion.address
    leave_bastions()
    eventually(lambda: _established(module_host) == 0)


def test_the_bastions_key_is_checked_and_it_is_named(
    shell: Open, target: Targets, bastion: Target, host: KitchenHost, tmp_path: Path
) -> None:
    unknown = replace(bastion, known_hosts=(tmp_path / "none",))

    with pytest.raises(UntrustedHost, match=f"bastion admin@{bastion.address}:22: the key of"):
        shell(replace(target(host), via=unknown))


def test_the_key_of_the_host_behind_it_is_checked_as_well(
    shell: Open, target: Targets, bastion: Target, host: KitchenHost, tmp_path: Path
) -> None:
    with pytest.raises(UntrustedHost, match=f"the key of {re.escape(host.address)} is not known"):
        shell(replace(target(host), via=bastion, known_hosts=(tmp_path / "none",)))


def test_what_is_not_there_behind_it_is_said(shell: Open, bastion: Target) -> None:
    for address, port in (("localhost", 2), ("no.such.host.invalid", 22)):
        behind = Target(address, port, via=bastion)
        with pytest.raises(Unreachable, match=f"bastion {bastion} does not reach {address}:{port}"):
            shell(behind)


def test_a_bastion_that_leads_nobody_on(
    shell: Open, target: Targets, bastion: Target, host: KitchenHost, sshd: Callable[..., None]
) -> None:
    sshd("AllowTcpForwarding no")
    with pytest.raises(Unreachable, match="opens no channel") as caught:
        shell(replace(target(host), via=bastion))
    assert "AllowTcpForwarding" in str(caught.value.hint)


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


def test_each_host_gets_one_error_that_names_it_and_comes_back_by_one_new_connection(
    shell: Open, behind: list[Target], relay: Relay, module_host: KitchenHost
) -> None:
    bastion = str(behind[0].via)
    with ThreadPoolExecutor(MANY) as pool:
        first = logins(module_host)
        transports = list(pool.map(shell, behind))
        assert logins(module_host) - first == 1

        asked = [pool.submit(_slow, transport) for transport in transports]
        time.sleep(1)
        relay.set(Link(after=0))
        errors = [future.exception(100) for future in asked]
        assert {str(error) for error in errors} == {
            f"the session has ended: the link to the bastion {bastion} was lost"
        }
        assert all(isinstance(error, Interrupted) for error in errors)

        relay.set(Link())
        again = list(pool.map(shell, behind))
        assert logins(module_host) - first == 2
    for transport in again:
        transport.close()


def test_while_it_is_away_nobody_waits_longer_than_the_first(
    shell: Open, behind: list[Target], relay: Relay, transport: str
) -> None:
    """The first one finds out, and says it for all of those who had to wait for it."""
    relay.set(Link(after=0, then="silent"))
    begun = time.monotonic()
    with ThreadPoolExecutor(MANY) as pool:
        short = [replace(one, via=_hasty(one.via)) for one in behind]
        errors = [future.exception() for future in [pool.submit(shell, t) for t in short]]

    assert time.monotonic() - begun < 30  # one after the other, they would take 40 s
    assert all(isinstance(error, Unreachable) for error in errors)
    assert all("sends no greeting within 2 s" in str(error) for error in errors)
    assert all(str(error).startswith("bastion admin@127.0.0.1") for error in errors)
    if transport == "ssh":
        check_host("C5-bastion-away", error=errors[0], words={str(relay.ports[0]): "PORT"})


def test_a_session_goes_on_by_itself(shell: Open, behind: list[Target], relay: Relay) -> None:
    """Questions are asked again over a new connection, without anybody noticing."""
    session = Session(shell(behind[0]), lambda: shell(behind[0]))
    assert session.read([sh("echo one")])[0].text == "one\n"
    relay.set(Link(after=0, then="reset"))
    relay.set(Link())

    assert session.read([sh("echo two")])[0].text == "two\n"
    session.close()


def _slow(transport: Shell) -> None:
    try:
        Session(transport).read([sh("sleep 200")])
    finally:
        transport.close()


def _hasty(bastion: Target | None) -> Target:
    assert bastion is not None
    return replace(bastion, connect_timeout=2)


def _hosts(hosts: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Host]:
    return dict(from_data({"defaults": defaults, "hosts": hosts}).hosts)


def _established(host: KitchenHost) -> int:
    return int(host.run("ss -Htn state established '( sport = :22 )' | wc -l").stdout)
