"""The validation of values from outside: they have the expected shape, or are refused."""

from __future__ import annotations

from typing import Any, cast, get_args

from cookbook.history.step_record import StateRecord
from cookbook.planning.status import HostStatus, Mode, ResourceStatus
from cookbook.reports.schema import ResourceDocument

LONGEST_NAME = 10_000
"""The maximum number of characters of an id, a path or a host."""

_STATUSES = frozenset(get_args(ResourceStatus))
_HOST_STATUSES = frozenset(get_args(HostStatus))
_MODES = frozenset(get_args(Mode))
_KINDS = frozenset({"none", "create", "update", "remove", "act"})
_TEXTS = ("ran", "note", "because", "until", "diff", "lost", "orphan", "cause", "since")


def mapping(value: object) -> dict[str, Any]:
    """
    Return a JSON object.

    Raises ValueError for anything else, as all functions here do.
    """
    if not isinstance(value, dict):
        raise ValueError(f"an object was expected, not {_short(value)}")  # noqa: TRY004 - of a file, not of a call
    return cast("dict[str, Any]", value)


def items(value: object) -> list[Any]:
    """Return a JSON array."""
    if not isinstance(value, list):
        raise ValueError(f"an array was expected, not {_short(value)}")  # noqa: TRY004 - of a file, not of a call
    return value


def name(value: object) -> str:
    """Return a text that is short enough for a name in every database."""
    if not isinstance(value, str) or len(value) > LONGEST_NAME:
        raise ValueError(f"a name was expected, not {_short(value)}")
    return value.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def text_or_none(value: object) -> str | None:
    """Return a text, or None."""
    if not isinstance(value, str | None):
        raise ValueError(f"a text was expected, not {_short(value)}")  # noqa: TRY004 - of a file, not of a call
    return value


def number(value: object) -> float:
    """Return a number."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise ValueError(f"a number was expected, not {_short(value)}")  # noqa: TRY004 - of a file, not of a call
    return value


def whole(value: object) -> int:
    """Return an integer that fits into a column of any database."""
    if not isinstance(value, int) or not 0 <= value < 1 << 31:
        raise ValueError(f"a count was expected, not {_short(value)}")
    return value


def number_or_none(value: object) -> float | None:
    """Return a number, or None."""
    return None if value is None else number(value)


def names(value: object) -> list[str]:
    """Return an array of names."""
    return [name(item) for item in items(value)]


def name_by_name(value: object) -> dict[str, str]:
    """Return an object of texts."""
    return {name(key): name(item) for key, item in mapping(value).items()}


def mode(value: object) -> Mode:
    """Return the mode of a run."""
    return cast("Mode", _one_of(value, _MODES))


def host_status(value: object) -> HostStatus:
    """Return the status of a host."""
    return cast("HostStatus", _one_of(value, _HOST_STATUSES))


def name_or_none(value: object) -> str | None:
    """Return a name, or None."""
    return None if value is None else name(value)


def error(value: object) -> Any:
    """Return an ErrorDocument, or None."""
    if value is None:
        return None
    given = mapping(value)
    status = given.get("status")
    return {
        "kind": name(given.get("kind")),
        "code": name(given.get("code", "error")),
        "phase": name(given.get("phase", "")),
        "message": text_or_none(given.get("message")) or "",
        "command": text_or_none(given.get("command")),
        "status": None if status is None else whole(status),
        "output": text_or_none(given.get("output")) or "",
        "cause": text_or_none(given.get("cause")),
        "hint": text_or_none(given.get("hint")),
    }


def resource(value: object) -> ResourceDocument:
    """Return the document of a resource; properties that an older version lacks are empty."""
    given = mapping(value)
    excused = given.get("excused")
    document: dict[str, Any] = {
        "id": name(given.get("id")),
        "where": name(given.get("where")),
        "status": _one_of(given.get("status"), _STATUSES),
        "kind": _one_of(given.get("kind"), _KINDS),
        "changes": {name(key): _pair(pair) for key, pair in mapping(given["changes"]).items()},
        **{key: text_or_none(given.get(key)) for key in _TEXTS},
        "error": error(given.get("error")),
        "ignored": given.get("ignored") is True,
        "began": number(given.get("began", 0.0)),
        "seconds": number(given.get("seconds", 0.0)),
        "excused": None if excused is None else mapping(excused),
    }
    return cast("ResourceDocument", {key: document[key] for key in _ORDER})


def judgement(value: object) -> dict[str, Any]:
    """Why a resource is not in line, since when, and whether that is put up with."""
    given = mapping(value)
    return {key: given.get(key) for key in ("cause", "since", "excused")}


_ORDER = tuple(ResourceDocument.__annotations__)


def state(value: object) -> StateRecord | None:
    """Return the states for an undo, or None."""
    if value is None:
        return None
    given = mapping(value)
    sides = {key: _state(given.get(key)) for key in ("found", "wanted", "left")}
    record = {
        "provider": name(given.get("provider")),
        "resource": mapping(given.get("resource")),
        **sides,
        "act": text_or_none(given.get("act")),
    }
    return cast("StateRecord", record)


def _state(value: object) -> dict[str, Any] | None:
    return None if value is None else mapping(value)


def _pair(value: object) -> list[Any]:
    pair = items(value)
    if len(pair) != 2:
        raise ValueError(f"found and wanted were expected, not {_short(value)}")
    return pair


def _one_of(value: object, known: frozenset[str]) -> str:
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"{_short(value)} is none of {', '.join(sorted(known))}")
    return value


def _short(value: object) -> str:
    return repr(value)[:60]
