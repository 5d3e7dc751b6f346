"""The turns of the hosts of a run: so many work at once, those that wait for others aside."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait
from typing import TypeVar

from cookbook.errors import BarrierBroken

T = TypeVar("T")
R = TypeVar("R")


class Turns:
    """The hosts at work, each in a thread of its own."""

    def __init__(self, at_once: int, room: int) -> None:
        """Create the turns; `room` hosts can be connected at all, working or not."""
        self.at_once = at_once
        """The number of hosts that work at the same time."""
        self._room = room
        self._working = self._away = self._returning = 0
        self._changed = threading.Condition()

    def each(
        self, work: Callable[[T], R], hosts: Sequence[T], meanwhile: Callable[[], object]
    ) -> list[R]:
        """
        Do the work of each host, in order; return the results.

        `meanwhile` is called once the first hosts are at work. An exception of one host is raised
        after the work of all others.
        """
        futures: list[Future[R]] = []
        try:
            for number, host in enumerate(hosts):
                if number == self.at_once:
                    meanwhile()
                self._take()
                futures.append(self._begin(work, host, number))
            if len(hosts) <= self.at_once:
                meanwhile()
        finally:
            wait(futures)
        return [future.result() for future in futures]

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        """
        Let another host have the turn of this one, which waits; take a turn again at the end.

        Raises BarrierBroken if so many wait that none could be connected any more.
        """
        with self._changed:
            if self._away + 1 >= self._room:
                raise BarrierBroken(
                    f"{self._away} hosts wait for others, and no further connection can be opened",
                    hint="let this process open more files (ulimit -n), or use fewer hosts",
                )
            self._away += 1
            self._working -= 1
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._away -= 1
                self._returning += 1
            self._take(again=True)

    def _begin(self, work: Callable[[T], R], host: T, number: int) -> Future[R]:
        future: Future[R] = Future()
        name = f"host_{number}"
        threading.Thread(target=self._turn, args=(work, host, future), name=name).start()
        return future

    def _turn(self, work: Callable[[T], R], host: T, future: Future[R]) -> None:
        try:
            future.set_result(work(host))
        except BaseException as error:  # noqa: BLE001 - the result has it
            future.set_exception(error)
        finally:
            with self._changed:
                self._working -= 1
                self._changed.notify_all()

    def _take(self, *, again: bool = False) -> None:
        """Wait for a turn; a host that has waited for others goes before a new one."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_free and (again or not self._returning))
            self._working += 1
            self._returning -= again

    @property
    def _is_free(self) -> bool:
        return self._working < min(self.at_once, max(1, self._room - self._away))
