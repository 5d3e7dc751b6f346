"""Crontabs of users."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from cookbook.importing.declaration import Declaration, HostItem, LeftOut
from cookbook.importing.questions import Seen, SeenFile
from cookbook.text.secret_marks import secret_in

FOLDER = "/var/spool/cron/crontabs/"
_TIMES = ("minute", "hour", "day", "month", "weekday")
_VARIABLE = re.compile(r"\s*\w+\s*=")
_MARK = "# cook: "


def crontabs(seen: Seen) -> list[SeenFile]:
    """Return the crontabs of users."""
    return [one for one in seen.entries() if one.type == "f" and one.path.startswith(FOLDER)]


def jobs(seen: Seen) -> Iterator[HostItem]:
    """
    Yield the entries of crontabs that cook has made, and other crontabs whole.

    An entry without its mark is no `cron`: the first run would write the mark, and a variable in
    a crontab holds for all entries below it.
    """
    for entry in crontabs(seen):
        user = entry.path.removeprefix(FOLDER)
        content = seen.contents.get(entry.path)
        if content is None:
            yield LeftOut("cron", user, "the crontab could not be read")
            continue
        text = content.decode("utf-8", "surrogateescape")
        if what := secret_in(text):
            yield LeftOut("cron", user, f"the crontab has {what}")
        elif (entries := _entries(user, text.splitlines())) is not None:
            yield from entries
        else:
            properties = {
                "source": entry.path.removeprefix("/"),
                "owner": entry.owner,
                "group": entry.group,
                "mode": entry.mode,
            }
            yield Declaration("cron", "cookbook_file", entry.path, properties, content=content)


def _entries(user: str, lines: Sequence[str]) -> list[Declaration] | None:
    """Return the entries of a crontab; None if one of them has no mark, or there are variables."""
    found: list[Declaration] = []
    mark = ""
    for line in map(str.strip, lines):
        if line.startswith(_MARK):
            mark = line.removeprefix(_MARK)
        if not line or line.startswith("#"):
            continue
        properties = _properties(line)
        if not mark or properties is None or _VARIABLE.match(line):
            return None
        if user != "root":
            properties["user"] = user
        found.append(Declaration("cron", "cron", mark, properties))
        mark = ""
    return found


def _properties(line: str) -> dict[str, Any] | None:
    if line.startswith("@"):
        time, _, command = line.partition(" ")
        return {"time": time[1:].lower(), "command": command.strip()} if command else None
    fields = line.split(None, 5)
    if len(fields) < 6:
        return None
    when = {
        name: int(value) if value.isdigit() else value
        for name, value in zip(_TIMES, fields, strict=False)
        if value != "*"
    }
    return {**when, "command": fields[5]}
