"""The channel between a process with a shard and the one that started it: JSON, a line each."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import threading
from typing import TYPE_CHECKING, Any

from cookbook.errors import UsageError
from cookbook.language.resource import Resource
from cookbook.plugin import hookimpl

if TYPE_CHECKING:
    from cookbook.reports.report import HostReport

Message = dict[str, Any]

_PIECE = 1 << 16


class Channel:
    """One end of a channel."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._rest = b""
        self._sending = threading.Lock()

    def fileno(self) -> int:
        """Return the descriptor, for select(2)."""
        return self._end.fileno()

    def send(self, message: Message) -> None:
        """Send a message; nothing happens if there is no process at the other end any more."""
        with self._sending, contextlib.suppress(OSError):
            self._end.sendall(json.dumps(message).encode() + b"\n")

    def received(self) -> list[Message] | None:
        """Wait for something to come; return the messages, or None if the other end is closed."""
        try:
            data = self._end.recv(_PIECE)
        except OSError:
            data = b""
        if not data:
            return None
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [json.loads(line) for line in lines]

    def shut(self) -> None:
        """Have the other process see the end; what it sends still comes."""
        with contextlib.suppress(OSError):
            self._end.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Close this end; safe to call twice."""
        self._end.close()


def wait_for_go(channel: Channel) -> None:
    """
    Tell that the recipes are compiled, and wait until all parts of the run are so far.

    From then on this process is interrupted, as by Ctrl-C, once the other end is closed: the hosts
    of a part are not left to a process that none waits for. Raises UsageError if it may not begin.
    """
    channel.send({"ready": True})
    messages: list[Message] | None = []
    while messages is not None and not any("go" in one for one in messages):
        messages = channel.received()
    if messages is None:
        raise UsageError("not begun: another part of the run has ended before its beginning")
    threading.Thread(target=_watch, args=(channel,), daemon=True).start()


def _watch(channel: Channel) -> None:
    while channel.received() is not None:
        pass
    # Sent to the process, it could be taken by a thread that does not wait, and come too late.
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


class ChannelListener:
    """Listens to the run of a shard; tells the other end of the channel about it."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    @hookimpl
    def cookbook_waiting(self, host: str, what: str) -> None:
        """Tell what a host is waited for."""
        self._channel.send({"host": host, "waits": what})

    @hookimpl
    def cookbook_working(self, host: str, resource: Resource) -> None:
        """Tell where a host is."""
        self._channel.send({"host": host, "resource": str(resource)})

    @hookimpl
    def cookbook_host(self, report: HostReport) -> None:
        """Tell that a host is done with."""
        self._channel.send({"host": report.name, "status": report.status})
