"""The shapes of what the history reads: journals, and the texts in its tables."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired, TypedDict, cast

from cookbook.history.step_record import StateRecord
from cookbook.planning.status import HostStatus, Mode, ResourceStatus
from cookbook.reports.schema import ErrorDocument, ResourceDocument
from cookbook.text.json_shape import shaped, short

LONGEST_NAME = 10_000
"""The maximum number of characters of an id, a path or a host."""


def _name(text: str) -> str:
    """Return a text that is short enough for a name, and can be written, in every database."""
    if len(text) > LONGEST_NAME:
        raise ValueError(f"a name was expected, not {short(text)}")
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def _count(number: int) -> int:
    """Return an integer that fits into a column of any database."""
    if not 0 <= number < 1 << 31:
        raise ValueError(f"a count was expected, not {short(number)}")
    return number


def _pair(items: list[Any]) -> list[Any]:
    if len(items) != 2:
        raise ValueError(f"found and wanted were expected, not {short(items)}")
    return items


def _or(default: Any) -> Any:
    """Return a check that replaces None: older versions have not written the property."""
    return lambda value: default if value is None else value


Name = Annotated[str, _name]
Count = Annotated[int, _count]
Seconds = Annotated[float | None, _or(0.0)]
_Text = Annotated[str | None, _or("")]


class ErrorRecord(TypedDict):
    """An error document of this version or an older one."""

    kind: Name
    code: Annotated[Name | None, _or("error")]
    phase: Annotated[Name | None, _or("")]
    message: _Text
    command: str | None
    status: Count | None
    output: _Text
    cause: str | None
    hint: str | None


class FeatureRecord(TypedDict):
    """A feature that a change was due to."""

    name: Name
    on: bool
    why: str
    detail: str
    decisive: bool


class ResourceRecord(TypedDict):
    """The document of a resource, of this version or an older one."""

    id: Name
    where: Name
    status: ResourceStatus
    kind: Literal["none", "create", "update", "remove", "act"]
    changes: dict[Name, Annotated[list[Any], _pair]]
    ran: str | None
    note: str | None
    because: str | None
    until: str | None
    diff: str | None
    error: ErrorRecord | None
    ignored: Annotated[bool | None, _or(default=False)]
    lost: str | None
    orphan: str | None
    began: Seconds
    seconds: Seconds
    cause: str | None
    since: str | None
    excused: dict[str, Any] | None
    parallel: NotRequired[list[Name]]
    features: NotRequired[list[FeatureRecord]]


class StepLine(TypedDict):
    """A step in a line of a journal."""

    document: ResourceRecord
    state: StateRecord | None


class RunLine(TypedDict):
    """The first line of a journal."""

    run: Name
    mode: Mode
    started: Name
    version: Name
    by: Name
    origin: Name | None
    command: list[Name]
    set: Annotated[Name | None, _or("")]
    recipes: list[Name]
    hosts: list[Name]
    places: NotRequired[dict[Name, Name]]
    """Journals of earlier versions do not have it."""


class StepsLine(TypedDict):
    """Steps of a host that are sent, or have a result."""

    host: Name
    machine_id: Name | None
    steps: list[StepLine]


class HostLine(TypedDict):
    """The result of a host."""

    host: Name
    status: HostStatus
    began: float
    seconds: float
    exchanges: Count
    error: ErrorRecord | None
    machine_id: Name
    in_line: float | None
    desired: NotRequired[Name | None]
    """Journals of earlier versions do not have it."""


class Judgement(TypedDict):
    """The reason why a resource is not in line, since when, and whether that is ignored."""

    cause: str | None
    since: str | None
    excused: dict[str, Any] | None


class JudgedLine(TypedDict):
    """The judgements of a drift report about the steps of a host."""

    host: Name
    in_line: float | None
    steps: list[Judgement]


class RevisionLine(TypedDict):
    """The revision of the recipes."""

    revision: Name | None


class FinishedLine(TypedDict):
    """The last line of a journal."""

    exit: Count
    seconds: float
    recipes: list[Name]
    sources: dict[Name, Name]
    revision: Name | None
    in_line: float | None


def names(value: object) -> list[str]:
    """Return an array of names. Raises ValueError, as all functions here do."""
    return shaped(list[Name], value)


def name_by_name(value: object) -> dict[str, str]:
    """Return an object of names."""
    return shaped(dict[Name, Name], value)


def mapping(value: object) -> dict[str, Any]:
    """Return a JSON object."""
    return shaped(dict[str, Any], value)


def mode(value: object) -> Mode:
    """Return the mode of a run."""
    return cast("Mode", shaped(cast("type[str]", Mode), value))


def host_status(value: object) -> HostStatus:
    """Return the status of a host."""
    return cast("HostStatus", shaped(cast("type[str]", HostStatus), value))


def resource_status(value: object) -> ResourceStatus:
    """Return the status of a resource."""
    return cast("ResourceStatus", shaped(cast("type[str]", ResourceStatus), value))


def error(value: object) -> ErrorDocument | None:
    """Return the document of an error, or None."""
    return None if value is None else cast("ErrorDocument", shaped(ErrorRecord, value))


def resource(value: object) -> ResourceDocument:
    """Return the document of a resource; properties that an older version lacks are empty."""
    return cast("ResourceDocument", shaped(ResourceRecord, value))


def state(value: object) -> StateRecord | None:
    """Return the states for an undo, or None."""
    return None if value is None else shaped(StateRecord, value)
