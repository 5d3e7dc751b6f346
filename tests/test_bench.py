"""What the bench says must be right: its link is as slow as promised, its sums are sums."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.relay import Link, Relay


@pytest.fixture
def echo() -> Iterator[tuple[str, int]]:
    """A server that says back what it hears, until the client has no more to say."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_echo, args=(server,), daemon=True).start()
        yield server.getsockname()[:2]


def _echo(server: socket.socket) -> None:
    while True:
        try:
            connection, _peer = server.accept()
        except OSError:
            return
        threading.Thread(target=_say_back, args=(connection,), daemon=True).start()


def _say_back(connection: socket.socket) -> None:
    with closing(connection):
        try:
            while data := connection.recv(1 << 16):
                connection.sendall(data)
        except OSError:
            return


def _connect(relay: Relay) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", relay.ports[0]), timeout=5)
    connection.settimeout(5)
    return connection


def _hear(connection: socket.socket, count: int) -> bytes:
    heard = b""
    while len(heard) < count and (data := connection.recv(count - len(heard))):
        heard += data
    return heard


def test_a_link_keeps_every_byte_in_order(echo: tuple[str, int]) -> None:
    said = bytes(range(256)) * 4096
    with Relay([echo], Link(delay=0.005)) as relay, _connect(relay) as connection:
        threading.Thread(target=connection.sendall, args=(said,), daemon=True).start()
        assert _hear(connection, len(said)) == said


def test_a_half_closed_connection_is_half_closed_on_the_other_side(echo: tuple[str, int]) -> None:
    with Relay([echo]) as relay, _connect(relay) as connection:
        connection.sendall(b"last words")
        connection.shutdown(socket.SHUT_WR)
        assert _hear(connection, 100) == b"last words"


def test_each_way_takes_the_delay(echo: tuple[str, int]) -> None:
    """At least: a busy machine may make anything slower."""
    with Relay([echo], Link(delay=0.1)) as relay, _connect(relay) as connection:
        connection.sendall(b"1")
        _hear(connection, 1)
        start = time.monotonic()
        connection.sendall(b"2")
        assert _hear(connection, 1) == b"2"
        assert time.monotonic() - start >= 0.2


def test_opening_a_connection_takes_a_round_trip_too(echo: tuple[str, int]) -> None:
    with Relay([echo], Link(delay=0.1)) as relay:
        start = time.monotonic()
        with _connect(relay) as connection:
            connection.sendall(b"1")
            assert _hear(connection, 1) == b"1"
        assert time.monotonic() - start >= 0.4


def test_chunks_are_on_their_way_together(echo: tuple[str, int]) -> None:
    """20 chunks of a delay of 0.2 s would take 8 s one after the other."""
    with Relay([echo], Link(delay=0.2)) as relay, _connect(relay) as connection:
        start = time.monotonic()
        for number in range(20):
            connection.sendall(bytes([number]))
            time.sleep(0.005)
        assert _hear(connection, 20) == bytes(range(20))
        assert time.monotonic() - start < 4


def test_a_cut_link_gives_so_many_bytes_and_then_the_end(echo: tuple[str, int]) -> None:
    with Relay([echo], Link(after=7, then="cut")) as relay, _connect(relay) as connection:
        connection.sendall(b"0123456789")
        assert _hear(connection, 10) == b"0123456"


def test_a_link_can_be_cut_on_the_way_to_the_host(echo: tuple[str, int]) -> None:
    link = Link(after=3, then="cut", toward="host")
    with Relay([echo], link) as relay, _connect(relay) as connection:
        connection.sendall(b"0123456789")
        assert b"012".startswith(_hear(connection, 10))


def test_a_reset_link_is_an_error(echo: tuple[str, int]) -> None:
    with Relay([echo], Link(after=3, then="reset")) as relay, _connect(relay) as connection:
        connection.sendall(b"0123456789")
        with pytest.raises(ConnectionResetError):
            _hear(connection, 100)


def test_a_silent_link_stays_open_and_says_nothing(echo: tuple[str, int]) -> None:
    with Relay([echo], Link(after=3, then="silent")) as relay, _connect(relay) as connection:
        connection.sendall(b"0123456789")
        assert _hear(connection, 3) == b"012"
        connection.sendall(b"hello?")
        connection.settimeout(0.3)
        with pytest.raises(TimeoutError):
            connection.recv(10)


def test_an_open_connection_can_be_reset_now(echo: tuple[str, int]) -> None:
    with Relay([echo]) as relay, _connect(relay) as connection:
        connection.sendall(b"before")
        assert _hear(connection, 6) == b"before"
        relay.set(Link(after=0, then="reset"))
        with pytest.raises(ConnectionResetError):
            connection.recv(10)


def test_an_open_connection_can_go_silent_now(echo: tuple[str, int]) -> None:
    with Relay([echo]) as relay, _connect(relay) as connection:
        connection.sendall(b"before")
        assert _hear(connection, 6) == b"before"
        relay.set(Link(after=0, then="silent"))
        connection.sendall(b"after")
        connection.settimeout(0.3)
        with pytest.raises(TimeoutError):
            connection.recv(10)


def test_a_host_that_is_not_there_ends_the_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        nowhere = server.getsockname()[:2]
    with Relay([nowhere]) as relay, _connect(relay) as connection:
        assert connection.recv(10) == b""
