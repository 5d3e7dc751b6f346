"""Times of the week: when changes may be made."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from cookbook.text.times import zone_of
from cookbook.text.yaml_fields import keys, text, texts
from cookbook.text.yaml_value import Value

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_ALL_DAYS = frozenset(range(7))
_DAY = 24 * 60

WallClock = Callable[[], dt.datetime]


def now() -> dt.datetime:
    """Return the time with its zone."""
    return dt.datetime.now(dt.UTC)


@dataclass(frozen=True)
class Hours:
    """A time of the week: from one minute of the day to before another one, on some days."""

    days: frozenset[int]
    """Monday is 0. A time that goes on past midnight belongs to the day on which it began."""

    begin: int
    end: int
    zone: dt.tzinfo
    written: str

    def has(self, moment: dt.datetime) -> bool:
        """Return True if the moment is within."""
        there = moment.astimezone(self.zone)
        minute, today = there.hour * 60 + there.minute, there.weekday()
        if self.begin < self.end:
            return today in self.days and self.begin <= minute < self.end
        yesterday = (today - 1) % 7
        return (today in self.days and minute >= self.begin) or (
            yesterday in self.days and minute < self.end
        )


def read_hours(value: Value) -> Hours:
    """Return `{days: mon-fri, from: "08:00", to: "17:00", zone: Europe/Berlin}`."""
    said = keys(value, "days", "from", "to", "zone")
    days, begin, end = said.get("days"), said.get("from"), said.get("to")
    shown = f"{days or 'on all days'} {begin or '00:00'} to {end or '24:00'}".replace("'", "")
    if days is not None and isinstance(days.data, list):
        shown = shown.replace(str(days), ", ".join(texts(days)), 1)
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
    spans = [span.strip() for said in texts(value) for span in said.lower().split(",")]
    return frozenset(day for span in spans for day in _span(value, span))


def _span(value: Value, span: str) -> Iterable[int]:
    first, _, last = span.partition("-")
    if first not in _DAYS or (last or first) not in _DAYS:
        raise value.error(f"{span!r} is no day", hint="mon, tue, wed, thu, fri, sat, sun; mon-fri")
    begin, end = _DAYS.index(first), _DAYS.index(last or first)
    return (day % 7 for day in range(begin, end + 1 if begin <= end else end + 8))


def _minute(value: Value) -> int:
    """Return a time of the day in minutes. YAML reads 17:00 without quotes as a number."""
    said = value.data if isinstance(value.data, str) else value.written
    found = re.fullmatch(r"(\d\d?):(\d\d)", said)
    if found is None or int(found[2]) > 59 or (minute := int(found[1]) * 60 + int(found[2])) > _DAY:
        raise value.error(f"{said!r} is no time of the day", hint='e.g. "08:00"')
    return minute


def _zone(value: Value) -> dt.tzinfo:
    try:
        return zone_of(text(value))
    except ValueError as error:
        raise value.error(str(error), hint="is tzdata installed?") from None
