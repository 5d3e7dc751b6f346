"""
The work of a worker on a shard: a process of cook on these hosts, in a copy of the files.

The process is one as on a single machine, so nothing of a run is done in another way. Keys and the
stores of secrets are those of the worker: a run brings names of secrets, and no values.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cookbook.cluster.bundle import unpacked
from cookbook.cluster.channel import Channel
from cookbook.cluster.forks import read_result
from cookbook.cluster.results import ShardResult
from cookbook.cluster.shards import Shard

_LOOK = 1.0
"""Seconds between two looks whether the run is to stop."""

_IDLE = 30.0
"""Seconds after which a process without a shard ends; it is made again if one comes later."""


class ShardServer:
    """A process of cook with the inventory of a run (cookbook.cluster.server), for its shards."""

    def __init__(self, words: Sequence[str], archive: bytes, within: str) -> None:
        """
        Start `cook` with these words in a copy of the files, in a folder within this one.

        It is that of the worker: Dask removes it, also if the worker was killed.
        """
        self._place = tempfile.TemporaryDirectory(prefix="cook-shards-", dir=within)
        folder, self._state = (Path(self._place.name) / name for name in ("files", "state"))
        folder.mkdir()
        self._state.mkdir()
        unpacked(archive, folder)
        ours, theirs = socket.socketpair()
        with theirs, (self._state / "errors").open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "cookbook.cli", *words],
                cwd=folder,
                env={**os.environ, "COOK_STATE": str(self._state), "COOK_STORE": ""},
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=errors,
                start_new_session=True,
            )
        self._channel = Channel(ours)
        self._news = threading.Condition()
        self._ended: dict[int, int] = {}
        self._tasks = self._number = 0
        self.ended = False
        """True once it takes no shard any more."""
        self._timer: threading.Timer | None = None
        threading.Thread(target=self._listen, daemon=True).start()

    def do(self, shard: Shard, stopping: Callable[[], bool]) -> ShardResult:
        """
        Have a shard done; return its report and journals.

        `stopping` is asked again and again; the shard is interrupted if it is true.
        """
        with self._news:
            self._number += 1
            number = self._number  # a shard may come again, after another worker was lost
        self._channel.send({"shard": number, "hosts": shard.hosts})
        told = False
        while (status := self._status(number)) is None:
            if not told and stopping():
                self._channel.send({"stop": number})
                told = True
        if number not in self._ended:
            said = (self._state / "errors").read_text("utf-8", "replace")
            return ShardResult(shard.number, "", said, worker=os.uname().nodename, status=status)
        return read_result(shard.number, self._state / str(number), status)

    def _status(self, number: int) -> int | None:
        """Wait for a moment; return the exit status of a shard, or of the process if it is away."""
        with self._news:
            if number not in self._ended and not self.ended:
                self._news.wait(_LOOK)
            return self._ended.get(number, self._process.poll() if self.ended else None)

    def _listen(self) -> None:
        while (messages := self._channel.received()) is not None:
            with self._news:
                self._ended |= {one["ended"]: one["status"] for one in messages}
                self._news.notify_all()
        self._process.wait()
        with self._news:
            self.ended = True
            self._news.notify_all()

    def take(self) -> None:
        """Note a task that uses it."""
        self._tasks += 1
        if self._timer is not None:
            self._timer.cancel()

    def leave(self) -> None:
        """Note that a task uses it no more; it ends a while after the last one."""
        self._tasks -= 1
        if self._tasks == 0:
            self._timer = threading.Timer(_IDLE, _close_idle)
            self._timer.daemon = True
            self._timer.start()

    @property
    def idle(self) -> bool:
        """Return True if no task uses it."""
        return self._tasks == 0

    def close(self) -> None:
        """End the process."""
        self._channel.shut()
        self._process.wait()
        self._channel.close()
        self._place.cleanup()


_servers: dict[str, ShardServer] = {}
"""The processes of this worker, by run."""

_looking = threading.Lock()


def _server(run: str, words: Sequence[str], archive: bytes, within: str) -> ShardServer:
    """Return the process of a run on this worker, noted as in use."""
    with _looking:
        server = _servers.get(run)
        if server is None or server.ended:
            server = _servers[run] = ShardServer(words, archive, within)
        server.take()
    return server


def _close_idle() -> None:
    with _looking:
        idle = [run for run, server in _servers.items() if server.idle]
        closing = [_servers.pop(run) for run in idle]
    for server in closing:
        server.close()


def files(archive: bytes) -> bytes:
    """Return the files of a run: a task of its own, so that workers hand them to one another."""
    return archive


def on_worker(shard: Shard, words: Sequence[str], archive: bytes, run: str) -> ShardResult:
    """Do a shard as a task of Dask, until the client sets the event of the run."""
    import distributed

    dask: Any = distributed
    event = dask.Event(stop_event(run))

    def stopping() -> bool:
        try:
            return bool(event.is_set())
        except (OSError, RuntimeError):  # the scheduler is away; the shard goes on
            return False

    server = _server(run, words, archive, dask.get_worker().local_directory)
    try:
        return server.do(shard, stopping)
    finally:
        with _looking:
            server.leave()


def stop_event(run: str) -> str:
    """Return the name of the event that stops a run."""
    return f"cook-stop-{run}"
