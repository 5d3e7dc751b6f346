"""A bastion dies, with many hosts behind it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from bench.relay import Link, Relay
from cookbook.errors import Unreachable
from cookbook.hosts.session import Session
from cookbook.kitchen import KitchenHost
from cookbook.script.shell import sh
from cookbook.transport.bastion import leave_bastions
from cookbook.transport.contract import Interrupted
from cookbook.transport.target import Target
from tests.on_hosts.conftest import Open, Shell, by_both
from tests.texts import check_host

pytestmark = [pytest.mark.hosts, by_both]

Targets = Callable[..., Target]

MANY = 20


@pytest.fixture
def relay(module_host: KitchenHost) -> Iterator[Relay]:
    with Relay([(module_host.address, 22)]) as one:
        yield one
    leave_bastions()


@pytest.fixture
def behind(
    target: Targets, module_host: KitchenHost, host: KitchenHost, relay: Relay
) -> list[Target]:
    """Many hosts behind one bastion, to which the relay leads."""
    alias = {"host_key_alias": module_host.address, "connect_timeout": 20.0}
    bastion = target(module_host, "admin", become="none", address="127.0.0.1", **alias)
    bastion = replace(bastion, port=relay.ports[0])
    return [target(host, via=bastion, connect_timeout=20.0 + i / 100) for i in range(MANY)]


def _logins(host: KitchenHost) -> int:
    return int(host.run("journalctl -q -t sshd | grep -c 'Accepted publickey'").stdout)


def test_each_host_gets_one_error_that_names_it_and_comes_back_by_one_new_connection(
    shell: Open, behind: list[Target], relay: Relay, module_host: KitchenHost
) -> None:
    bastion = str(behind[0].via)
    with ThreadPoolExecutor(MANY) as pool:
        first = _logins(module_host)
        transports = list(pool.map(shell, behind))
        assert _logins(module_host) - first == 1

        asked = [pool.submit(_slow, transport) for transport in transports]
        time.sleep(1)
        relay.set(Link(after=0))
        errors = [future.exception(20) for future in asked]
        assert {str(error) for error in errors} == {
            f"the session has ended: the link to the bastion {bastion} was lost"
        }
        assert all(isinstance(error, Interrupted) for error in errors)

        relay.set(Link())
        again = list(pool.map(shell, behind))
        assert _logins(module_host) - first == 2
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

    assert time.monotonic() - begun < 10
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
        Session(transport).read([sh("sleep 30")])
    finally:
        transport.close()


def _hasty(bastion: Target | None) -> Target:
    assert bastion is not None
    return replace(bastion, connect_timeout=2)
