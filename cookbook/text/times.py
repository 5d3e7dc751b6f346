"""Points in time as people write them in files."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from cookbook.text.suggest import did_you_mean

_INSTANT = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)"
    r"(?:[T ](?P<time>\d\d:\d\d(?::\d\d)?))?"
    r"(?:(?P<offset>Z|[+-]\d\d:\d\d)| (?P<zone>[A-Za-z][A-Za-z0-9_+/-]*))?"
)


def zone_of(name: str) -> tzinfo:
    """Return a time zone by its name: `UTC`, `Europe/Berlin`. Raises ValueError for others."""
    if name == "UTC":
        return UTC
    import zoneinfo  # few files name a zone

    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        near = did_you_mean(name, zoneinfo.available_timezones())
        more = near or "a name as Europe/Berlin, or UTC"
        raise ValueError(f"there is no time zone {name!r}; {more}") from None


def instant(text: str, *, end: bool = False) -> datetime:
    """
    Return the point in time that a text names; of a date, its beginning, or its `end`.

    A time must have a zone (`Z`, `+01:00`, `Europe/Berlin`), a date without one is in UTC. Raises
    ValueError.

    >>> str(instant("2026-12-24T18:00+01:00")), str(instant("2026-12-24", end=True))
    ('2026-12-24 18:00:00+01:00', '2026-12-25 00:00:00+00:00')
    """
    found = _INSTANT.fullmatch(text)
    if found is None:
        raise ValueError("a date (2026-12-24) or a time with its zone (2026-12-24T18:00Z)")
    zone: tzinfo = UTC
    if found["zone"]:
        zone = zone_of(found["zone"])
    elif found["offset"]:
        offset = datetime.fromisoformat(f"2000-01-01T00:00{found['offset']}").tzinfo
        zone = offset if offset is not None else UTC
    elif found["time"]:
        raise ValueError(f"the time has no zone; write {text}Z for UTC, or {text}+01:00")
    day = date.fromisoformat(found["date"])
    at = time.fromisoformat(found["time"]) if found["time"] else time()
    try:
        last = timedelta(days=1 if end and not found["time"] else 0)
        moment = datetime.combine(day + last, at, zone)
        moment.astimezone(UTC)
    except OverflowError:
        raise ValueError(
            "the years are 1 to 9999, in UTC, too; leave out a time that is never"
        ) from None
    return moment
