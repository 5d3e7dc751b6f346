"""Shards on this machine: a process for each, so many at the same time."""

from __future__ import annotations

import os
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from cookbook.cluster.channel import Message
from cookbook.cluster.forks import Forks, ShardWork
from cookbook.cluster.results import ShardResult
from cookbook.cluster.shards import Shard
from cookbook.run.signals import handled, say

_LAST = 3
"""The signal after which nothing is waited for."""


class LocalShards:
    """The shards of a run, done by processes of this machine."""

    def __init__(
        self,
        shards: Sequence[Shard],
        at_once: int,
        work: ShardWork,
        heard: Callable[[Message], object],
    ) -> None:
        """`heard` is called with the messages of the processes about their hosts."""
        self._waiting = deque(shards)
        self._at_once, self._work, self._heard = at_once, work, heard
        self._first = {shard.number for shard in shards[:at_once]}
        self._ready: set[int] = set()
        self._begun = False
        self._signals = 0
        self.refused: ShardResult | None = None
        """The first result, if the process has ended before all were ready; none was begun then."""

    @property
    def interrupted(self) -> bool:
        """Return True after a first signal."""
        return self._signals > 0

    def results(
        self, started: Callable[[], object] = lambda: None
    ) -> Iterator[tuple[Shard, ShardResult]]:
        """
        Do the shards; yield the results as they come.

        `started` is called once the first processes are forked: it may begin threads.
        No host is contacted before the recipes are compiled for the hosts of all processes that
        begin together. A first Ctrl-C stops all of them after what they are at.
        """
        with tempfile.TemporaryDirectory(prefix="cook-shards-") as place:
            forks = Forks(self._work, Path(place))
            with handled(lambda *_: self._interrupt(forks)):
                self._start(forks)
                started()
                while self._start(forks):
                    yield from self._news(forks)
        for shard in self._waiting:
            yield shard, ShardResult(shard.number, "", begun=False)

    def _start(self, forks: Forks) -> bool:
        """Start as many as may be at work; return whether any is."""
        while self._waiting and len(forks) < self._at_once and not self._signals:
            forks.start(self._waiting.popleft())
        return len(forks) > 0

    def _news(self, forks: Forks) -> Iterator[tuple[Shard, ShardResult]]:
        for shard, message, result in forks.wait():
            if shard is None:
                continue
            if result is not None:
                self._check_begun(forks, result)
                yield shard, result
            elif message is not None and "ready" in message:
                self._ready.add(shard.number)
                self._let_go(forks, shard.number)
            elif message is not None:
                self._heard(message)

    def _check_begun(self, forks: Forks, result: ShardResult) -> None:
        """Begin nothing if a process has ended before all were ready."""
        if not self._begun:
            self.refused = self.refused or result
            self._waiting.clear()
            forks.hang_up()

    def _let_go(self, forks: Forks, number: int) -> None:
        """Let the processes go on that may contact their hosts."""
        if self._begun:
            forks.send({"go": True}, [number])
        elif self._ready >= self._first:
            self._begun = True
            forks.send({"go": True})

    def _interrupt(self, forks: Forks) -> None:
        self._signals += 1
        forks.interrupt()
        if self._signals == 1:
            say("stopping all processes after the resource at work; once more ends that, too")
        if self._signals >= _LAST:
            os._exit(130)
