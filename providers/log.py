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
        warns = log.level == "warn"
        note, warning = (None, log.text) if warns else (log.text, None)
        return Change(State(), State(), note=note, warning=warning)

    def commands(self, name: str, change: Change[State]) -> Iterable[Command]:
        """Return nothing."""
        return []

    def about(self, log: Log) -> Iterable[Thing]:
        """Return nothing."""
        return []
