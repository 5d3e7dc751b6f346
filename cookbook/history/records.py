"""The records that the history returns: runs, steps and changes of a resource."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from cookbook.history.step_record import StateRecord
from cookbook.planning.status import HostStatus, Mode, ResourceStatus
from cookbook.reports.schema import ResourceDocument

RunState = Literal["running", "interrupted", "finished"]

ACTING: tuple[Mode, ...] = ("converge", "apply", "undo")
"""The modes that change hosts."""

AD_HOC = "declare-"
"""The beginning of the name of a set that `cook declare` makes of what it is given."""


@dataclass(frozen=True)
class RunSummary:
    """A run in a line."""

    run: str
    mode: Mode
    state: RunState
    started: str
    """ISO 8601 in UTC."""

    seconds: float | None
    """None if the run was killed or is still at work."""

    exit: int | None
    by: str
    origin: str | None
    revision: str | None
    command: list[str]
    recipes: list[str]
    hosts: dict[str, HostStatus]
    desired: dict[str, str | None]
    """The digest of the desired state of each host; None if it is not known."""

    changed: int
    """Resources; in a plan and in a drift report, those to change."""

    failed: int
    unknown: int


@dataclass(frozen=True)
class RecordedStep:
    """A resource in a run, and what it takes to go back."""

    document: ResourceDocument
    state: StateRecord | None
    """None where there is none, or a secret in it."""


@dataclass(frozen=True)
class Blame:
    """A run that changed something, or may have."""

    run: str
    mode: Mode
    started: str
    by: str
    revision: str | None
    host: str
    status: ResourceStatus
    where: str
    changes: Mapping[str, list[Any]]
    ran: str | None
    because: str | None
    diff: str | None


@dataclass(frozen=True)
class LastVisit:
    """The newest visit of a run to a host, of those that were asked for."""

    number: int
    """The number of the visit in the store."""

    run: str
    mode: Mode
    running: bool
    started: str
    status: HostStatus
    revision: str | None
    by: str
    recipes: list[str]
    set: str
    """The name of the set of recipes; empty in old histories."""

    desired: str | None = None
    """The digest of the desired state; None in old histories, or if it is not known."""

    is_partial: bool = False
    """True of a look that was about a part of the resources of its set."""


@dataclass(frozen=True)
class StepSeen:
    """A resource that a visit found out of line, or did not get to."""

    resource: str
    status: ResourceStatus
    cause: str | None
    since: str | None
    excused: bool
    """True if an ignore rule matches the drift."""


@dataclass(frozen=True)
class StateSeen:
    """The state of a resource as a visit left it."""

    status: ResourceStatus
    kept: bool
    """False if the state is not in the history: there is none, or a secret in it."""

    left: Mapping[str, Any] | None
    """None if the thing is absent, or its state is not kept."""
