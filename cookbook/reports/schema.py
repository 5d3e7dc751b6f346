"""
The document of a run: what `--output json` prints, what the history keeps, what reports draw.

All are plain JSON values, so a document can come from a run, a file or the history. Times
are ISO 8601 in UTC (`2026-05-01T12:00:00Z`), durations are in seconds. What must not be
seen is not in it.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

from cookbook.planning.status import Cause, Excuse, HostStatus, Mode, ResourceStatus

SCHEMA = 1


class ErrorDocument(TypedDict):
    """An error, for people and for programs."""

    kind: str
    """Its class in errors.py: `CommandError`."""
    code: str
    """Names the kind of error for good: `command-failed`; `cook explain` knows it."""
    phase: str
    """
    The phase: connect, facts, lock, compile, probe, plan, apply, verify, notify or confirm; empty
    if unknown.
    """
    message: str
    """The cause, in a sentence."""
    command: str | None
    """The command that failed, without secrets."""
    status: int | None
    """Its exit status; None where it did not end, or there was none."""
    output: str
    """The last lines of what it printed."""
    cause: str | None
    """Why it is so, in words, where that is known."""
    hint: str | None
    """The next step."""


class FeatureDocument(TypedDict):
    """A feature that a change is due to."""

    name: str
    on: bool
    why: str
    """The conditions that decided, without what differs between hosts: `share 25 %`."""
    detail: str
    """The values of the host in them: `web1 is at 12.34 %`."""
    decisive: bool
    """True if nothing would be done with the opposite answer; else it would be another change."""


class ResourceDocument(TypedDict):
    """One resource of one host."""

    id: str
    """`file[/etc/motd]`."""
    where: str
    """`webserver.py:12`."""
    status: ResourceStatus
    """In a plan and in a drift report, `changed` means: would change."""
    kind: Literal["none", "create", "update", "remove", "act"]
    """The kind of the change; `act` is no state (a restart, a command)."""
    changes: dict[str, list[Any]]
    """property -> [found, wanted]."""
    ran: str | None
    """The act in addition to a state: `restart`, `run`."""
    note: str | None
    because: str | None
    """The resource that notified it."""
    until: str | None
    """The resource that has to be done before the result is known."""
    diff: str | None
    """A unified diff, or why there is none."""
    error: ErrorDocument | None
    ignored: bool
    """It failed, and its recipe says to go on."""
    lost: str | None
    """The effects that an undo does not restore."""
    orphan: Literal["created", "adopted"] | None
    """For an orphan: whether cook created it, or it existed before."""
    began: float
    """When its turn came: seconds since the beginning of the run."""
    seconds: float
    cause: Cause | None
    """None where there is nothing to compare with."""
    since: str | None
    """When it was first seen not to be in line."""
    excused: Excuse | None
    parallel: NotRequired[list[str]]
    """The resources whose changes run, or ran, at the same time; missing without any."""
    features: NotRequired[list[FeatureDocument]]
    """The features that it is due to; missing without any."""


class FactsDocument(TypedDict):
    """The facts of a host that recipes have read, of whichever host they are for."""

    digest: str
    """Their SHA-256."""
    read: str
    """When they were read."""
    age: float
    """Seconds; 0 if they were read for this run."""


class HostDocument(TypedDict):
    """One host."""

    status: HostStatus
    began: float
    """Seconds since the beginning of the run."""
    seconds: float
    exchanges: int
    error: ErrorDocument | None
    machine_id: str
    in_line: float | None
    """Percent of what can be in line; None where the host could not be asked."""
    desired: str | None
    """SHA-256 of the desired state: equal where the recipes ask for the same."""
    resources: list[ResourceDocument]


class Document(TypedDict):
    """A run over many hosts."""

    schema: int
    run: str
    mode: Mode
    exit: int
    started: str
    seconds: float
    version: str
    by: str
    """`ann@laptop`."""
    origin: str | None
    """The client address, if the operator came to the controller by SSH."""
    command: list[str]
    """The command line, without secrets."""
    set: str
    """The name of the set of recipes, on hosts."""
    recipes: list[str]
    sources: dict[str, str]
    """Path -> SHA-256 of all that was read: recipes, their imports, templates, files, hosts.yml."""
    revision: str | None
    """Git's, with `-dirty` where something was not committed."""
    hosts: dict[str, HostDocument]
    totals: dict[str, int]
    """Resources by status."""
    in_line: float | None
    """Percent of what can be in line, over all hosts that could be asked."""

    objections: NotRequired[list[str]]
    """Of a plan: what reviewers have against it."""
    remarks: NotRequired[list[str]]
    """Remarks for the reader."""
    facts: NotRequired[dict[str, FactsDocument]]
    """By host: the facts that recipes have read of other hosts; missing without any."""
