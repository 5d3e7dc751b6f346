"""Groups of notifications, which need nothing of a host."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cookbook.provider import Change, Command, Probe, Provider, Thing, provides, sh
from cookbook.resources.notify_group import NotifyGroup


@dataclass(frozen=True)
class State:
    """Nothing."""


@provides(NotifyGroup)
class NotifyGroupProvider(Provider[NotifyGroup, State]):
    """A change without an effect, which has its notifications sent."""

    owns = False

    traceless = frozenset({"run"})

    def probe(self, group: NotifyGroup) -> Sequence[Probe]:
        """Ask nothing."""
        return []

    def parse(self, group: NotifyGroup) -> State:
        """Return nothing."""
        return State()

    def plan(self, group: NotifyGroup, found: State | None) -> Change[State]:
        """Return the act that sends the notifications."""
        return Change(State(), State(), act="run")

    def commands(self, name: str, change: Change[State]) -> Iterable[Command]:
        """Do nothing, with success."""
        yield sh(":")

    def about(self, group: NotifyGroup) -> Iterable[Thing]:
        """Return nothing."""
        return []
