"""Names and addresses that lead nowhere, beside one that leads somewhere."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from cookbook.errors import Unreachable
from cookbook.transport.paramiko_ssh import link
from cookbook.transport.paramiko_ssh.connection import connect
from cookbook.transport.paramiko_ssh.link import open_link
from cookbook.transport.target import Target
from tests.texts import check_host


@pytest.fixture
def server() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as one:
        yield one.getsockname()[1]


@pytest.fixture
def black_hole() -> Iterator[tuple[str, int]]:
    """A listener whose queue is full: the kernel drops who comes, and says nothing."""
    with contextlib.ExitStack() as stack:
        one = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(one.getsockname())
        yield one.getsockname()


def _names(monkeypatch: pytest.MonkeyPatch, *places: tuple[Any, ...]) -> None:
    """Have a name lead to these."""
    found = [link._Address(socket.AF_INET6 if ":" in p[0] else socket.AF_INET, p) for p in places]
    monkeypatch.setattr(link, "_resolve", lambda *_: found)


def _link(seconds: float, address: str = "name", port: int = 22) -> socket.socket:
    link = open_link(
        Target(address, port, connect_timeout=seconds), time.monotonic() + seconds, connect
    )
    assert isinstance(link, socket.socket)
    return link


def test_an_address_that_does_not_answer_costs_a_moment(
    monkeypatch: pytest.MonkeyPatch, server: int, black_hole: tuple[str, int]
) -> None:
    _names(monkeypatch, black_hole, ("127.0.0.1", server))
    begun = time.monotonic()
    with _link(60) as link:
        assert link.getpeername()[1] == server
        assert link.gettimeout() is None
        assert link.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert 0.2 < time.monotonic() - begun < 20


def test_an_address_that_cannot_be_reached_costs_nothing(
    monkeypatch: pytest.MonkeyPatch, server: int
) -> None:
    """No route by IPv6, or nobody who listens there."""
    _names(monkeypatch, ("2001:db8::1", 22, 0, 0), ("127.0.0.1", 2), ("127.0.0.1", server))
    begun = time.monotonic()
    with _link(60) as link:
        assert link.getpeername()[1] == server
    assert time.monotonic() - begun < 20


def test_families_take_turns() -> None:
    six = [link._Address(socket.AF_INET6, (f"::{n}", 22)) for n in range(2)]
    four = [link._Address(socket.AF_INET, (f"10.0.0.{n}", 22)) for n in range(2)]

    assert link._spread([*six, *four]) == [six[0], four[0], six[1], four[1]]


def test_none_answers(monkeypatch: pytest.MonkeyPatch, black_hole: tuple[str, int]) -> None:
    _names(monkeypatch, black_hole, black_hole)
    begun = time.monotonic()
    with pytest.raises(Unreachable, match=r"name:22 does not answer within 0\.6 s") as e:
        _link(0.6)
    assert time.monotonic() - begun < 20
    check_host("C12-none-answers", error=e.value)


def test_all_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    _names(monkeypatch, ("127.0.0.1", 2), ("127.0.0.1", 3))
    with pytest.raises(Unreachable, match="Connection refused"):
        _link(5)


def test_a_name_server_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()

    def slow(_name: str, *_: object, flags: int = 0, **__: object) -> list[Any]:
        if not flags & socket.AI_NUMERICHOST:
            ended.wait(30)
        raise socket.gaierror(socket.EAI_NONAME, "not known")

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    begun = time.monotonic()
    with pytest.raises(Unreachable, match=r"slow: no name server answers within 0\.5 s") as e:
        _link(0.5, "slow")
    assert time.monotonic() - begun < 20
    check_host("C11-no-name-server", error=e.value)
    ended.set()


@pytest.mark.parametrize("name", ["no.such.host.invalid", "a" * 70 + ".example", "a..b"])
def test_a_name_that_is_none(name: str) -> None:
    with pytest.raises(Unreachable, match=name[:5]) as e:
        _link(5, name)
    if name == "a..b":
        check_host("C11-no-such-name", error=e.value)
