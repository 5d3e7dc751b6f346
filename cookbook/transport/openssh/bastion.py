"""
Bastions of the transport openssh.

The connection is a master of ssh(1), and each host behind it has a channel in that (ssh -W).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from cookbook.errors import Unreachable
from cookbook.transport.bastion import BastionConnection, Bastions, Passage
from cookbook.transport.target import Target


class BastionMaster(BastionConnection, Protocol):
    """The connection to a bastion, as `control_master` makes it."""

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


class MasterPassage:
    """A channel through a bastion that is in use."""

    def __init__(self, passage: Passage[BastionMaster], bastion: Target) -> None:
        self._passage, self._bastion = passage, bastion
        self._master = passage.connection
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
        """Note that the channel has ended; safe to call twice."""
        self._passage.leave()


_bastions: Bastions[BastionMaster] = Bastions()


def enter(bastion: Target, connect: Callable[[Target], BastionMaster]) -> MasterPassage:
    """Enter a bastion. Raises Unreachable and its subclasses, always with the bastion's name."""
    return MasterPassage(_bastions.enter(bastion, connect), bastion)


def lost(bastion: Target) -> Unreachable:
    """Return the error for the hosts behind it."""
    return Unreachable(
        f"the link to the bastion {bastion} was lost",
        hint="every host behind it is out of reach until it is back",
    )
