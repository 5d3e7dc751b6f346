"""The turns of the hosts of a run: so many work at once, those that wait for others aside."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait
from typing import Any, Generic, NoReturn, Protocol, TypeVar

from cookbook.errors import BarrierBroken

T = TypeVar("T")
R = TypeVar("R")


class TurnOrder(Protocol[T]):
    """The order in which hosts begin."""

    @property
    def is_free(self) -> bool:
        """True if a host that has not begun may begin."""
        ...

    def take(self) -> T:
        """Return the next host, which begins."""
        ...

    def leave(self, host: T) -> None:
        """Note that the work on a host has ended."""
        ...


class _InTurn(Generic[T]):
    """One host after the other."""

    def __init__(self, hosts: Sequence[T]) -> None:
        self._hosts = deque(hosts)

    @property
    def is_free(self) -> bool:
        return bool(self._hosts)

    def take(self) -> T:
        return self._hosts.popleft()

    def leave(self, host: T) -> None:
        pass


def _raising(error: Exception) -> Callable[[Any], Any]:
    def work(_: object) -> NoReturn:
        raise error

    return work


class Turns:
    """The hosts at work, each in a thread of its own."""

    def __init__(self, at_once: int, room: int) -> None:
        """Create the turns; `room` hosts can be connected at all, working or not."""
        self.at_once = at_once
        """The number of hosts that work at the same time."""
        self._room = room
        self._working = self._away = self._returning = 0
        self._order: TurnOrder[Any] = _InTurn(())
        self._changed = threading.Condition()

    def each(
        self,
        work: Callable[[T], R],
        hosts: Sequence[T],
        meanwhile: Callable[[], object] = lambda: None,
        *,
        unable: Callable[[T], R] | None = None,
        order: TurnOrder[T] | None = None,
    ) -> list[R]:
        """
        Do the work of each host; return the results, in the order of the hosts.

        `meanwhile` is called once the first hosts are at work. `unable` is called for a host that
        can have no thread. `order` says which may begin; without one it is that of the hosts. An
        exception of one host is raised after the work of all others.
        """
        self._order = order or _InTurn(hosts)
        futures: dict[T, Future[R]] = {}
        try:
            for number in range(len(hosts)):
                if number == self.at_once:
                    meanwhile()
                host = self._next(self._order)
                futures[host] = self._begin(work, host, number, unable)
            if len(hosts) <= self.at_once:
                meanwhile()
        finally:
            wait(futures.values())
        return [futures[host].result() for host in hosts]

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
            self._take_again()

    def change(self, do: Callable[[], object]) -> None:
        """Do something by which further hosts may begin."""
        with self._changed:
            do()
            self._changed.notify_all()

    def _next(self, order: TurnOrder[T]) -> T:
        """Wait for a turn, and for a host that may begin; return it."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_free and not self._returning and order.is_free)
            self._working += 1
            return order.take()

    def _begin(
        self, work: Callable[[T], R], host: T, number: int, unable: Callable[[T], R] | None
    ) -> Future[R]:
        future: Future[R] = Future()
        thread = threading.Thread(
            target=self._turn, args=(work, host, future), name=f"host_{number}"
        )
        try:
            thread.start()
        except RuntimeError as error:  # the system has no room for a further one
            self._turn(unable or _raising(error), host, future)
        return future

    def _turn(self, work: Callable[[T], R], host: T, future: Future[R]) -> None:
        try:
            future.set_result(work(host))
        except BaseException as error:  # noqa: BLE001 - the result has it
            future.set_exception(error)
        finally:
            with self._changed:
                self._working -= 1
                self._order.leave(host)
                self._changed.notify_all()

    def _take_again(self) -> None:
        """Wait for a turn; a host that has waited for others goes before a new one."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_free)
            self._working += 1
            self._returning -= 1

    @property
    def _is_free(self) -> bool:
        return self._working < min(self.at_once, max(1, self._room - self._away))
