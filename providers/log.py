"""Messages, which need nothing of a host."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cookbook.provider import Change, Command, Probe, Provider, Thing, provides
from cookbook.resources.log import Log


@dataclass(frozen=True)
class State:
    """Nothing."""


@provides(Log)
class LogProvider(Provider[Log, State]):
    """The message is a remark of a resource that is always as declared."""

    owns = False

    def probe(self, log: Log) -> Sequence[Probe]:
        """Ask nothing."""
        return []

    def parse(self, log: Log) -> State:
        """Return nothing."""
        return State()

    def plan(self, log: Log, found: State | None) -> Change[State]:
        """Return no change, with the message."""
        # A note would not be shown, since there is nothing to be done.
        text = f"warning: {log.text}" if log.level == "warn" else log.text
        return Change(State(), State(), warning=text)

    def commands(self, name: str, change: Change[State]) -> Iterable[Command]:
        """Return nothing."""
        return []

    def about(self, log: Log) -> Iterable[Thing]:
        """Return nothing."""
        return []
