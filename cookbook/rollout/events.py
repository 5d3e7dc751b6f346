"""The events of a rollout: all that its state is made of, and what its journal keeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from cookbook.errors import HistoryError
from cookbook.text.json_shape import shaped

Work = Literal["update", "revert"]
WorkOutcome = Literal["done", "failed", "unreachable"]
OperatorCommand = Literal["pause", "resume", "promote", "abort", "revert"]
Status = Literal["done", "stopped", "aborted", "reverted", "revert-failed"]


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that has happened."""

    at: float
    """Seconds since 1970."""


@dataclass(frozen=True)
class Looked(Event):
    """A host was asked if it is healthy."""

    host: str
    healthy: bool
    reason: str = ""


@dataclass(frozen=True)
class BatchBegun(Event):
    """The hosts of a batch may be begun."""

    stage: int
    batch: int


@dataclass(frozen=True)
class Begun(Event):
    """The work on a host begins: it is taken out of service first."""

    host: str
    work: Work
    run: str
    """The id that its run has in the history; of a revert, that of the first undo."""

    controller: str = ""
    """The machine that controls the rollout: the journal of the run is there."""


@dataclass(frozen=True)
class Ended(Event):
    """The work on a host has ended."""

    host: str
    work: Work
    outcome: WorkOutcome
    reason: str = ""
    changed: bool = False
    in_service: bool | None = None
    """True if it is in service now; None: if it is done, or as it was if not reached."""


@dataclass(frozen=True)
class Drained(Event):
    """A host is out of service: its `drain` has ended well."""

    host: str
    seconds: float
    """The time that it took."""

    remark: str = ""
    """The servers that were out of service before; empty if none was."""


@dataclass(frozen=True)
class BackInService(Event):
    """A host is in service again: its `enable` has ended well."""

    host: str
    seconds: float
    """The time that it took."""

    remark: str = ""
    """The servers that stay out of service, because they were before; empty if none does."""


@dataclass(frozen=True)
class TriedAgain(Event):
    """A host is not healthy after its run, or not reached, and is asked again."""

    host: str
    reason: str


@dataclass(frozen=True)
class HostInterrupted(Event):
    """The controller ended while it worked on a host; the work is done again."""

    host: str
    changed: bool
    """True if its run may have changed something."""


@dataclass(frozen=True)
class Continued(Event):
    """Another controller goes on, so many seconds after the last event."""

    pause: float


@dataclass(frozen=True)
class BatchEnded(Event):
    """All hosts of a batch have come to an end."""

    stage: int
    batch: int


@dataclass(frozen=True)
class Retried(Event):
    """The hosts of a group that could not be reached get one more turn, as a batch."""

    stage: int
    hosts: tuple[str, ...]


@dataclass(frozen=True)
class StageEnded(Event):
    """A group is complete."""

    stage: int


@dataclass(frozen=True)
class GateAsked(Event):
    """An operator is asked whether a batch may begin."""

    stage: int
    batch: int


@dataclass(frozen=True)
class GatePassed(Event):
    """The gate before a batch is open."""

    stage: int
    batch: int
    by: str


@dataclass(frozen=True)
class CommandGiven(Event):
    """An operator has given a command."""

    command: OperatorCommand
    by: str


@dataclass(frozen=True)
class Stopped(Event):
    """No further host is begun."""

    reason: str
    failed: bool = True
    """True if hosts or a gate are the reason; False for a command."""


@dataclass(frozen=True)
class Reverting(Event):
    """The runs of these hosts are undone, in this order."""

    hosts: tuple[str, ...]


@dataclass(frozen=True)
class GivenUp(Event):
    """A host is not reverted after all."""

    host: str
    reason: str


@dataclass(frozen=True)
class Finished(Event):
    """The rollout is over, unless it is resumed or reverted."""

    status: Status


EVENTS: dict[str, type[Event]] = {
    one.__name__: one
    for one in (
        *(
            Looked,
            BatchBegun,
            Begun,
            Drained,
            BackInService,
            TriedAgain,
            Ended,
            HostInterrupted,
            Continued,
            BatchEnded,
            Retried,
            StageEnded,
        ),
        *(GateAsked, GatePassed, CommandGiven, Stopped, Reverting, GivenUp, Finished),
    )
}


def event_json(event: Event) -> dict[str, Any]:
    """Return an event as JSON."""
    return {"event": type(event).__name__, **vars(event)}  # no field holds a dataclass


def read_event(data: Any) -> Event:
    """Return the event in JSON. Raises HistoryError if it is none."""
    if isinstance(data, dict) and (kind := EVENTS.get(str(data.get("event")))) is not None:
        try:
            return shaped(kind, {key: value for key, value in data.items() if key != "event"})
        except ValueError:
            pass
    raise HistoryError("the journal of the rollout holds what cook has not written")
