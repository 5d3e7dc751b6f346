"""
Processes with a shard each, forked from one that has read the inventory.

A fork costs some milliseconds; a process that is started costs its imports and the inventory, which
takes longer the more hosts there are, so that many shards would cost the square of their number.
"""

from __future__ import annotations

import atexit
import contextlib
import io
import os
import selectors
import shutil
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, NoReturn

from cookbook.cluster.channel import Channel, Message
from cookbook.cluster.results import ShardResult
from cookbook.cluster.shards import Shard

ShardWork = Callable[[Shard, Channel], int]
"""The work on a shard, in a process of its own; it prints its report, and returns the status."""

_MOST_OUTPUT = 1 << 30


class ForkNews(NamedTuple):
    """A message of the process of a shard, or its end; without a shard: of the channel beside."""

    shard: Shard | None = None
    message: Message | None = None
    result: ShardResult | None = None
    """Not None: the process has ended."""


@dataclass(frozen=True)
class _Fork:
    shard: Shard
    pid: int
    channel: Channel
    folder: Path
    """With its output, and its state if that is its own."""


class Forks:
    """The processes that are at work on shards."""

    def __init__(
        self,
        work: ShardWork,
        folder: Path,
        *,
        own_state: bool = False,
        beside: Channel | None = None,
    ) -> None:
        """
        Create none yet; `folder` is for what they print, `beside` is waited for as well.

        With `own_state`, each has its state in its folder, too, which `read_result` reads.
        """
        self._work, self._folder, self._own_state = work, folder, own_state
        self._beside = beside
        self._forks: dict[int, _Fork] = {}

    def __len__(self) -> int:
        return len(self._forks)

    def start(self, shard: Shard) -> None:
        """Fork a process for a shard."""
        folder = self._folder / str(shard.number)
        folder.mkdir()
        ours, theirs = socket.socketpair()
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        pid = os.fork()
        if pid == 0:
            ours.close()
            self._become(shard, Channel(theirs), folder)
        theirs.close()
        self._forks[shard.number] = _Fork(shard, pid, Channel(ours), folder)

    def wait(self) -> Iterator[ForkNews]:
        """Wait for news; yield messages of the processes, and results of those that have ended."""
        with selectors.DefaultSelector() as selector:
            for fork in self._forks.values():
                selector.register(fork.channel, selectors.EVENT_READ, fork)
            if self._beside is not None:
                selector.register(self._beside, selectors.EVENT_READ, None)
            ready: list[_Fork | None] = [key.data for key, _ in selector.select()]
        for one in ready:
            yield from self._beside_news() if one is None else self._news(one)

    def _news(self, fork: _Fork) -> Iterator[ForkNews]:
        messages = fork.channel.received()
        if messages is None:
            yield ForkNews(fork.shard, result=self._ended(fork))
        else:
            yield from (ForkNews(fork.shard, message) for message in messages)

    def _beside_news(self) -> Iterator[ForkNews]:
        messages = None if self._beside is None else self._beside.received()
        yield from [ForkNews()] if messages is None else (ForkNews(None, one) for one in messages)

    def send(self, message: Message, numbers: Sequence[int] | None = None) -> None:
        """Send a message to these shards, or to all."""
        for fork in list(self._forks.values()):
            if numbers is None or fork.shard.number in numbers:
                fork.channel.send(message)

    def interrupt(self, numbers: Sequence[int] | None = None) -> None:
        """Send SIGINT to the processes of these shards, or to all: they stop as at Ctrl-C."""
        for fork in list(self._forks.values()):
            if numbers is None or fork.shard.number in numbers:
                os.kill(fork.pid, signal.SIGINT)

    def hang_up(self) -> None:
        """Close the channels to processes that were not told to go on: they end."""
        for fork in self._forks.values():
            fork.channel.shut()

    def _ended(self, fork: _Fork) -> ShardResult:
        _, status = os.waitpid(fork.pid, 0)
        del self._forks[fork.shard.number]
        fork.channel.close()
        code = os.waitstatus_to_exitcode(status)
        if self._own_state:  # another process reads it
            return ShardResult(fork.shard.number, "", status=code)
        return read_result(fork.shard.number, fork.folder, code)

    def _become(self, shard: Shard, channel: Channel, folder: Path) -> NoReturn:
        """Do the work in the process that was just forked, and end it."""
        status = 1
        try:
            # Only this process may hold the other ends, or none would see that they are closed.
            for other in [*(fork.channel for fork in self._forks.values()), self._beside]:
                if other is not None:
                    other.close()
            os.setsid()  # a Ctrl-C at the terminal is for the first process, which passes it on
            for number in (signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            atexit._clear()  # noqa: SLF001 - what the first process has to do at its end
            _redirect(folder)
            if self._own_state:
                os.environ["COOK_STATE"] = str(folder / "state")
            status = self._work(shard, channel)
            atexit._run_exitfuncs()  # noqa: SLF001 - what was registered here
        except BaseException:  # noqa: BLE001 - nothing of the first process may run here
            traceback.print_exc()
        finally:
            with contextlib.suppress(OSError, ValueError):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(status)


def _redirect(folder: Path) -> None:
    """Have what is printed go to files; there is no input."""
    write = os.O_WRONLY | os.O_CREAT
    places = [(Path(os.devnull), os.O_RDONLY), (folder / "out", write), (folder / "err", write)]
    for number, (path, flags) in enumerate(places):
        opened = os.open(path, flags, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin = io.StringIO()
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - a descriptor
    sys.stderr = open(2, "w", 1, encoding="utf-8", closefd=False)  # noqa: SIM115 - a descriptor


def read_result(number: int, folder: Path, status: int) -> ShardResult:
    """Return what a process has left in its folder, which is removed."""
    out, errors = _text(folder / "out"), _text(folder / "err")
    if status < 0:
        errors += f"it was ended by {signal.Signals(-status).name}\n"
    kept = (folder / "state" / "journal").glob("*.jsonl")
    journals = {path.name: path.read_bytes() for path in kept}
    shutil.rmtree(folder, ignore_errors=True)
    return ShardResult(number, out, errors, journals, os.uname().nodename, status)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_OUTPUT).decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
