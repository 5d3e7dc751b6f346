"""
Bastions: one connection to each in this process, shared by all hosts behind it.

The first caller makes it, and the others wait; also when it is lost. What a connection is, and
how a host behind it uses it, is in the transports.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from cookbook.errors import Unreachable
from cookbook.transport.target import Target


class BastionConnection(Protocol):
    """A connection to a bastion."""

    @property
    def alive(self) -> bool:
        """Return True if the connection is open."""
        ...

    def end(self) -> None:
        """Close it; safe to call twice."""
        ...


C = TypeVar("C", bound=BastionConnection)


class Passage(Generic[C]):
    """One use of the connection to a bastion, from `enter` until it is left."""

    def __init__(self, connection: C) -> None:
        self.connection = connection
        self.gone: Callable[[], bool] = lambda: False
        """Returns whether the use has ended without a call of `leave`."""
        self._left = False

    @property
    def in_use(self) -> bool:
        """True until the use has ended."""
        return not (self._left or self.gone())

    def leave(self) -> None:
        """Note that the use has ended; safe to call twice."""
        self._left = True


class _Bastion(Generic[C]):
    """One bastion, the connection to it while there is one, and its uses."""

    def __init__(self, target: Target, connect: Callable[[Target], C]) -> None:
        self._target, self._connect = target, connect
        self._making = threading.Lock()
        self._connection: C | None = None
        self._passages: list[Passage[C]] = []
        self._failure: tuple[float, Unreachable] | None = None

    def enter(self, deadline: float | None) -> Passage[C]:
        """
        Enter by the open connection, or by a new one.

        Callers that waited for a failed connection get the same error, instead of another attempt.
        """
        since = time.monotonic()
        if not self._making.acquire(timeout=-1 if deadline is None else max(0.0, deadline - since)):
            raise Unreachable(f"bastion {self._target}: there is no connection to it yet")
        try:
            if self._connection is None or not self._connection.alive:
                if self._failure is not None and self._failure[0] > since:
                    raise copied(self._failure[1])
                self._connection = self._made()
            passage = Passage(self._connection)
            self._passages = [*(one for one in self._passages if one.in_use), passage]
            return passage
        finally:
            self._making.release()

    def _made(self) -> C:
        if self._connection is not None:
            self._connection.end()
            self._connection = None
        try:
            return self._connect(self._target)
        except Unreachable as error:
            named = type(error)(f"bastion {self._target}: {error}", hint=error.hint)
            named.bastion = str(self._target)
            self._failure = (time.monotonic(), named)
            raise named from error

    def leave(self) -> bool:
        """End the connection unless it is in use; return whether it was ended."""
        with self._making:
            connection = self._connection
            if connection is None or any(
                one.in_use for one in self._passages if one.connection is connection
            ):
                return False
            connection.end()
            self._connection = None
            return True


class Bastions(Generic[C]):
    """The bastions of one transport."""

    def __init__(self) -> None:
        self._bastions: dict[Target, _Bastion[C]] = {}
        self._looking = threading.Lock()
        _all.append(self)

    def enter(
        self, target: Target, connect: Callable[[Target], C], deadline: float | None = None
    ) -> Passage[C]:
        """
        Enter a bastion; `connect` makes the connection to one, which may be behind another one.

        `deadline` is on time.monotonic()'s clock, for the wait for another caller. Raises
        Unreachable and its subclasses, always with the bastion's name.
        """
        with self._looking:
            bastion = self._bastions.setdefault(target, _Bastion(target, connect))
        return bastion.enter(deadline)

    def leave(self) -> None:
        """End the connections to bastions that no host uses."""
        with self._looking:
            bastions = list(self._bastions.values())
        while any([bastion.leave() for bastion in bastions]):  # noqa: C419 - all, not the first one
            pass  # one that was left may have been the last behind another


_all: list[Bastions[Any]] = []


def leave_bastions() -> None:
    """End the connections to bastions, of all transports, that no host uses."""
    for bastions in _all:
        bastions.leave()


def copied(error: Unreachable) -> Unreachable:
    """Return a copy of an error of a bastion: each thread has a traceback of its own."""
    copy = type(error)(str(error), hint=error.hint)
    copy.bastion = error.bastion
    return copy
