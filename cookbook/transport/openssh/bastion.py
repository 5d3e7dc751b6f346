"""
Bastions of the transport openssh: one connection to each in this process, as in jump.py.

It is a master, and each host behind it has a channel in that (ssh -W).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

from cookbook.errors import Unreachable
from cookbook.transport.target import Target


class Master(Protocol):
    """The connection to a bastion, as `control_master` makes it."""

    @property
    def alive(self) -> bool:
        """Return True if the connection is open."""
        ...

    @property
    def said(self) -> str:
        """Return the output of its ssh(1)."""
        ...

    @property
    def lost_bastion(self) -> Target | None:
        """The bastion whose end has ended it."""
        ...

    @property
    def way_through(self) -> str:
        """The ProxyCommand of a host behind it."""
        ...

    def end(self) -> None:
        """Close it."""
        ...


Connect = Callable[[Target], Master]


class _Gate:
    """One bastion, the connection to it while there is one, and how many are behind it."""

    def __init__(self, target: Target, connect: Connect) -> None:
        self._target, self._connect = target, connect
        self._making = threading.Lock()
        self._master: Master | None = None
        self._behind = 0
        self._failure: tuple[float, Unreachable] | None = None

    def enter(self) -> Master:
        """
        Return the open connection, or a new one.

        Callers that waited for a failed connection get the same error.
        """
        since = time.monotonic()
        with self._making:
            if self._master is None or not self._master.alive:
                if self._failure is not None and self._failure[0] > since:
                    raise _again(self._failure[1])
                self._master = self._made()
            self._behind += 1
            return self._master

    def _made(self) -> Master:
        if self._master is not None:
            self._master.end()
            self._master = None
        try:
            return self._connect(self._target)
        except Unreachable as error:
            named = type(error)(f"bastion {self._target}: {error}", hint=error.hint)
            self._failure = (time.monotonic(), named)
            raise named from error

    def leave(self) -> None:
        """There is one less behind it."""
        with self._making:
            self._behind -= 1

    def end(self) -> bool:
        """End the connection unless it is in use; return whether it was ended."""
        with self._making:
            if self._master is None or self._behind > 0:
                return False
            self._master.end()
            self._master = None
            return True


class Passage:
    """A channel through a bastion that is in use."""

    def __init__(self, gate: _Gate, bastion: Target) -> None:
        self._gate, self._bastion = gate, bastion
        self._master = gate.enter()
        self._before = len(self._master.said)

    @property
    def command(self) -> str:
        """The ProxyCommand that leads through it."""
        return self._master.way_through

    @property
    def said(self) -> list[str]:
        """Return the later output of the bastion's ssh(1); it may be about other hosts."""
        return self._master.said[self._before :].splitlines()

    @property
    def lost(self) -> Target | None:
        """Return the bastion whose connection has ended; the nearest one, if several have."""
        if self._master.alive:
            return None
        return self._master.lost_bastion or self._bastion

    def leave(self) -> None:
        """Note that one user of it has left."""
        self._gate.leave()


_gates: dict[Target, _Gate] = {}
_looking = threading.Lock()


def enter(bastion: Target, connect: Connect) -> Passage:
    """
    Enter a bastion; the first caller makes the connection, the others wait for it.

    Raises Unreachable and its subclasses, always with the bastion's name.
    """
    with _looking:
        gate = _gates.setdefault(bastion, _Gate(bastion, connect))
    return Passage(gate, bastion)


def leave_gates() -> None:
    """End the connections to bastions that no host uses."""
    with _looking:
        gates = list(_gates.values())
    while any([gate.end() for gate in gates]):  # noqa: C419 - all, not the first one
        pass  # one that was left may have been the last behind another


def lost(bastion: Target) -> Unreachable:
    """Return the error for the hosts behind it."""
    return Unreachable(
        f"the link to the bastion {bastion} was lost",
        hint="every host behind it is out of reach until it is back",
    )


def _again(error: Unreachable) -> Unreachable:
    """Return a copy of an error: each thread has a traceback of its own."""
    return type(error)(str(error), hint=error.hint)
