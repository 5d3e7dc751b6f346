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
        """Whether it stands."""
        ...

    @property
    def said(self) -> str:
        """What its ssh(1) has printed."""
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
        The connection that stands, or a new one.

        Who had to wait while another one failed to make it fails with the same error.
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
        """End the connection, unless somebody is behind it; whether that was done."""
        with self._making:
            if self._master is None or self._behind > 0:
                return False
            self._master.end()
            self._master = None
            return True


class Passage:
    """A way through a bastion that somebody has taken."""

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
        """What the bastion's ssh(1) has said since; it may be about others."""
        return self._master.said[self._before :].splitlines()

    @property
    def lost(self) -> Target | None:
        """The bastion whose connection has ended; the nearest to us, if several have."""
        if self._master.alive:
            return None
        return self._master.lost_bastion or self._bastion

    def leave(self) -> None:
        """It is needed no more."""
        self._gate.leave()


_gates: dict[Target, _Gate] = {}
_looking = threading.Lock()


def enter(bastion: Target, connect: Connect) -> Passage:
    """
    A way through a bastion; whoever comes first makes the connection, and the others wait.

    Raises Unreachable and its kin, always with the bastion's name.
    """
    with _looking:
        gate = _gates.setdefault(bastion, _Gate(bastion, connect))
    return Passage(gate, bastion)


def leave_gates() -> None:
    """End the connections to bastions behind which there is nobody any more."""
    with _looking:
        gates = list(_gates.values())
    while any([gate.end() for gate in gates]):  # noqa: C419 - all, not the first one
        pass  # one that was left may have been the last behind another


def lost(bastion: Target) -> Unreachable:
    """The error of those who were behind it."""
    return Unreachable(
        f"the link to the bastion {bastion} was lost",
        hint="every host behind it is out of reach until it is back",
    )


def _again(error: Unreachable) -> Unreachable:
    """An error has a traceback of its own in each thread."""
    return type(error)(str(error), hint=error.hint)
