"""
A TCP relay that is a bad link: far away, cut off, silent or reset.

    with Relay([("192.0.2.11", 22)], Link(delay=0.025)) as relay:
        connect("127.0.0.1", relay.ports[0])

It runs in a process of its own, so that it keeps time whatever its user does. Each chunk
is held back by `delay`, one after the other is not: order and bandwidth stay. Opening a
connection costs the round trip that it costs on a real link.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import struct
import subprocess
import sys
from asyncio import StreamReader, StreamWriter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

_CHUNK = 1 << 16
_IN_FLIGHT = 256
"""Chunks on their way in one direction: 16 MiB, more than any receive window in use here."""

_ABORT = struct.pack("ii", 1, 0)
"""SO_LINGER: on, for no time at all; close then sends a reset (socket(7))."""


@dataclass(frozen=True)
class Link:
    """How a link is, and what becomes of it."""

    delay: float = 0.0
    """Seconds each way; a round trip takes two of them."""

    after: int | None = None
    """Bytes that a connection still carries `toward`; None: all of them."""

    then: Literal["cut", "silent", "reset"] = "cut"
    """`cut` ends the connection, `silent` lets nothing more through in either direction and
    keeps it open, `reset` breaks it."""

    toward: Literal["client", "host"] = "client"
    """The direction in which `after` is counted."""


@dataclass(eq=False)
class _Connection:
    """One client's connection, and the one to the host that it is relayed to."""

    link: Link
    ends: dict[str, StreamWriter]
    carried: dict[str, int] = field(default_factory=lambda: {"client": 0, "host": 0})
    ended: bool = False
    silent: bool = False

    def allow(self, data: bytes, toward: str) -> bytes:
        """Return the part of the data that the link still carries."""
        before, link = self.carried[toward], self.link
        self.carried[toward] += len(data)
        if self.silent:
            return b""
        if link.after is None or toward != link.toward:
            return data
        return data[: max(0, link.after - before)]

    @property
    def spent(self) -> bool:
        """Whether the link has carried all that it will, and what then is has yet to be done."""
        after = self.link.after
        return not self.ended and after is not None and self.carried[self.link.toward] >= after

    def end(self) -> None:
        """Do what is to be done then."""
        self.ended = True
        self.silent = self.link.then == "silent"
        for writer in self.ends.values() if not self.silent else ():
            if self.link.then == "reset":
                sock: socket.socket = writer.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
            writer.close()


class _Switchboard:
    """All connections, and how the link is now."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.connections: set[_Connection] = set()

    def set(self, link: Link) -> None:
        """Another link from now on, for the open connections as well; counted from now."""
        self.link = link
        for connection in self.connections:
            connection.link = link
            connection.carried = {"client": 0, "host": 0}
            if connection.spent:
                connection.end()

    async def relay(self, host: tuple[str, int], client: StreamReader, back: StreamWriter) -> None:
        """Carry one connection until both directions have ended."""
        # A SYN and its answer go over the link before the client may speak.
        await asyncio.sleep(2 * self.link.delay)
        try:
            reader, writer = await asyncio.open_connection(*host)
        except OSError:
            back.close()
            return
        connection = _Connection(self.link, {"client": back, "host": writer})
        self.connections.add(connection)
        try:
            await asyncio.gather(
                _carry(client, connection, "host"), _carry_back(reader, connection)
            )
        finally:
            self.connections.discard(connection)
            back.close()
            writer.close()


async def _carry_back(reader: StreamReader, connection: _Connection) -> None:
    """Carry data back after the delay of the ACK."""
    await asyncio.sleep(connection.link.delay)
    await _carry(reader, connection, "client")


async def _carry(reader: StreamReader, connection: _Connection, toward: str) -> None:
    """Read as fast as it comes, write each chunk when its time has come."""
    on_the_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_IN_FLIGHT)
    writing = asyncio.create_task(_deliver(on_the_way, connection, toward))
    with contextlib.suppress(OSError):
        while data := await reader.read(_CHUNK):
            await on_the_way.put((_now() + connection.link.delay, data))
    await on_the_way.put((_now() + connection.link.delay, b""))
    await writing


async def _deliver(
    on_the_way: asyncio.Queue[tuple[float, bytes]], connection: _Connection, toward: str
) -> None:
    writer = connection.ends[toward]
    while True:
        due, data = await on_the_way.get()
        await asyncio.sleep(max(0.0, due - _now()))
        if not data:
            break
        with contextlib.suppress(OSError):
            writer.write(connection.allow(data, toward))
            await writer.drain()
        if connection.spent:
            connection.end()
    with contextlib.suppress(OSError):
        if not connection.silent and not writer.is_closing():
            writer.write_eof()


def _now() -> float:
    return asyncio.get_running_loop().time()


class Relay:
    """Relays 127.0.0.1:ports[i] to hosts[i], in a process of its own."""

    def __init__(self, hosts: Sequence[tuple[str, int]], link: Link | None = None) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.relay", json.dumps(list(hosts))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[1],
        )
        self.set(link or Link())
        self.ports: list[int] = json.loads(self._said())
        """Where to connect to."""

    def set(self, link: Link) -> None:
        """Make the link another one, now, for the open connections as well."""
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        self._process.stdin.write(f"{json.dumps(asdict(link))}\n")
        self._process.stdin.flush()
        self._said()

    def _said(self) -> str:
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        return self._process.stdout.readline()

    def close(self) -> None:
        """End it, and with it every connection."""
        self._process.kill()
        self._process.communicate()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


async def _serve(hosts: Sequence[tuple[str, int]]) -> None:
    """Be the relay's process: links come on standard input, a line each; its end is ours."""
    lines = await _standard_input()
    board = _Switchboard(Link(**json.loads(await lines.readline())))
    _say("set")
    servers = [await _listen(board, host) for host in hosts]
    _say(json.dumps([server.sockets[0].getsockname()[1] for server in servers]))
    while line := await lines.readline():
        board.set(Link(**json.loads(line)))
        _say("set")
    os._exit(0)


async def _listen(board: _Switchboard, host: tuple[str, int]) -> asyncio.Server:
    async def accept(reader: StreamReader, writer: StreamWriter) -> None:
        await board.relay(host, reader, writer)

    return await asyncio.start_server(accept, "127.0.0.1", 0, backlog=500)


async def _standard_input() -> StreamReader:
    lines = StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    return lines


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_serve([(address, port) for address, port in json.loads(sys.argv[1])]))
