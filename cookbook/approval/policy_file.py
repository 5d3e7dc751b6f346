"""The rules of a reviewer as a YAML file; docs/approval.md shows one."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from cookbook.approval.policy import Ban, Hours, Reviewer, Rules, WallClock, now
from cookbook.errors import UsageError
from cookbook.text.glob import Glob
from cookbook.text.suggest import did_you_mean
from cookbook.text.yaml_reader import YamlReader
from cookbook.text.yaml_value import Value

T = TypeVar("T")

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_ALL_DAYS = frozenset(range(7))
_DAY = 24 * 60


def read_reviewer(path: Path, clock: WallClock = now) -> Reviewer:
    """
    Return the reviewer that a file describes.

    Raises UsageError with file:line: a misspelt rule must not be ignored.
    """
    value = YamlReader(UsageError).read(path)
    return Reviewer(_rules(value) if value is not None else Rules(), str(path), clock)


def _rules(value: Value) -> Rules:
    said = _keys(value, "forbid", "paths", "most_changes", "hours")
    paths = _keys(said["paths"], "deny", "allow") if "paths" in said else {}
    most = _keys(said["most_changes"], "per_host", "hosts") if "most_changes" in said else {}
    return Rules(
        bans=_each(said.get("forbid"), _ban),
        denied=_each(paths.get("deny"), _path),
        allowed=_each(paths["allow"], _path) if "allow" in paths else None,
        per_host=_count(most["per_host"]) if "per_host" in most else None,
        hosts=_count(most["hosts"]) if "hosts" in most else None,
        hours=_each(said.get("hours"), _hours),
    )


def _keys(value: Value, *known: str) -> Mapping[str, Value]:
    if not isinstance(value.data, dict):
        raise value.error(f"a mapping is expected here, not {value}", hint=", ".join(known))
    for key, inner in value.data.items():
        if key not in known:
            near = did_you_mean(key, known)
            raise inner.error(f"there is no {key!r} here", hint=near or f"but {', '.join(known)}")
    return value.data


def _each(value: Value | None, read: Callable[[Value], T]) -> tuple[T, ...]:
    if value is None:
        return ()
    if not isinstance(value.data, list):
        raise value.error(f"a list is expected here, not {value}")
    return tuple(read(item) for item in value.data)


def _texts(value: Value) -> tuple[str, ...]:
    """One text, or several."""
    return _each(value, _text) if isinstance(value.data, list) else (_text(value),)


def _text(value: Value) -> str:
    if not isinstance(value.data, str) or not value.data:
        raise value.error(f"text is expected here, not {value}")
    return value.data


def _count(value: Value) -> int:
    if not isinstance(value.data, int) or isinstance(value.data, bool) or value.data < 0:
        raise value.error(f"a number of changes is expected here, not {value}")
    return value.data


def _ban(value: Value) -> Ban:
    said = _keys(value, "resource", "action", "hosts", "reason")
    if not said.keys() - {"reason"}:
        raise value.error("this forbids nothing", hint='e.g. {resource: "package[*]"}')
    resources = _texts(said["resource"]) if "resource" in said else ("*",)
    for name in resources:
        if not re.fullmatch(r"\*|[^\[\]]+\[.*\]", name):
            raise said["resource"].error(f"{name!r} is no resource", hint='e.g. "package[*]"')
    return Ban(
        value.at,
        tuple(map(Glob, resources)),
        frozenset(_texts(said["action"])) if "action" in said else frozenset(),
        _host_globs(said["hosts"]) if "hosts" in said else (Glob("*"),),
        _text(said["reason"]) if "reason" in said else Ban.reason,
    )


def _host_globs(value: Value) -> tuple[Glob, ...]:
    names = _texts(value)
    for name in names:
        if "[" in name:
            raise value.error(f"{name!r} has a range: only * and ? are for hosts here")
    return tuple(map(Glob, names))


def _path(value: Value) -> Glob:
    text = _text(value)
    if not text.startswith("/"):
        raise value.error(f"{text!r} is no absolute path", hint='e.g. "/etc/ssh/**"')
    return Glob(text, crosses=False)


def _hours(value: Value) -> Hours:
    said = _keys(value, "days", "from", "to", "zone")
    days, begin, end = said.get("days"), said.get("from"), said.get("to")
    shown = f"{days or 'on all days'} {begin or '00:00'} to {end or '24:00'}".replace("'", "")
    if days is not None and isinstance(days.data, list):
        shown = shown.replace(str(days), ", ".join(_texts(days)), 1)
    hours = Hours(
        _days(days) if days is not None else _ALL_DAYS,
        _minute(begin) if begin is not None else 0,
        _minute(end) if end is not None else _DAY,
        _zone(said["zone"]) if "zone" in said else dt.UTC,
        shown + (f" ({said['zone'].data})" if "zone" in said else " (UTC)"),
    )
    if hours.begin == hours.end:
        raise value.error("this is no time at all: it begins when it ends")
    return hours


def _days(value: Value) -> frozenset[int]:
    """`mon-fri`, `sat,sun`, or a list of these."""
    spans = [span.strip() for text in _texts(value) for span in text.lower().split(",")]
    return frozenset(day for span in spans for day in _span(value, span))


def _span(value: Value, text: str) -> Iterable[int]:
    first, _, last = text.partition("-")
    if first not in _DAYS or (last or first) not in _DAYS:
        raise value.error(f"{text!r} is no day", hint="mon, tue, wed, thu, fri, sat, sun; mon-fri")
    begin, end = _DAYS.index(first), _DAYS.index(last or first)
    return (day % 7 for day in range(begin, end + 1 if begin <= end else end + 8))


def _minute(value: Value) -> int:
    """Return a time of the day in minutes. YAML reads 17:00 without quotes as a number."""
    text = value.data if isinstance(value.data, str) else value.written
    found = re.fullmatch(r"(\d\d?):(\d\d)", text)
    if found is None or int(found[2]) > 59 or (minute := int(found[1]) * 60 + int(found[2])) > _DAY:
        raise value.error(f"{text!r} is no time of the day", hint='e.g. "08:00"')
    return minute


def _zone(value: Value) -> dt.tzinfo:
    import zoneinfo

    try:
        return zoneinfo.ZoneInfo(_text(value))
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise value.error(
            f"there is no time zone {value}", hint="e.g. Europe/Berlin; is tzdata installed?"
        ) from None
