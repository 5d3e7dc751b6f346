"""watch.yml: which hosts are looked at how often, and what is done about them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from cookbook.errors import UsageError
from cookbook.secrets.reference import secret_tag
from cookbook.text.hours import Hours, read_hours
from cookbook.text.yaml_fields import flag, keys, seconds, several, text, whole
from cookbook.text.yaml_reader import YamlReader
from cookbook.text.yaml_value import Value
from cookbook.watch.notify_settings import NotifyTarget, read_targets

WatchMode = Literal["drift", "converge"]

AT_ONCE = 2
"""Number of groups at work at the same time."""

_SHORTEST = 10
"""Seconds between two turns; a turn itself takes about one."""


@dataclass(frozen=True, kw_only=True)
class WatchGroup:
    """A group of hosts that have their turns together."""

    name: str
    at: str
    limit: str
    """The hosts, for --limit: those of the group that no earlier entry of the file has."""
    every: float
    """Seconds from one turn to the next."""
    splay: float = 0.0
    """Seconds of which a part, the same one at each turn, is added to the time of the group."""
    do: WatchMode = "drift"
    window: tuple[Hours, ...] = ()
    """The times at which it may be changed; at others it is only looked at. None at all: always."""
    recipes: tuple[Path, ...] = ()
    """Paths; without any each host has its own."""
    timeout: str | None = None
    """The longest time that a turn may take, as written: 20m."""
    prune: bool = False
    record: bool = False
    """Drift goes into the history, too."""

    def mode(self, now: float) -> WatchMode:
        """Return what is done at this time, in seconds since the epoch."""
        moment = datetime.fromtimestamp(now, UTC)
        if self.window and not any(hours.has(moment) for hours in self.window):
            return "drift"
        return self.do

    def next_turn(self, now: float) -> float:
        """
        Return the time of the first turn after now, in seconds since the epoch.

        It depends on the clock and the name of the group alone, not on when the program started.
        """
        begin = self._place
        return begin + self.every * ((now - begin) // self.every + 1)

    def turns_within(self, begun: float, ended: float) -> int:
        """Return the number of turns that have come after `begun`, up to `ended`."""
        begin = self._place
        return int((ended - begin) // self.every - (begun - begin) // self.every)

    @property
    def _place(self) -> float:
        digest = hashlib.sha256(self.name.encode()).digest()
        return self.splay * int.from_bytes(digest[:8], "big") / 2**64


@dataclass(frozen=True, kw_only=True)
class WatchSettings:
    """All that watch.yml says."""

    path: Path
    groups: tuple[WatchGroup, ...]
    at_once: int = AT_ONCE
    notify: tuple[NotifyTarget, ...] = ()


_TOP = ("defaults", "groups", "at_once", "notify")
_GROUP = tuple(f.name for f in fields(WatchGroup) if f.name not in ("name", "at", "limit"))


def read_watch(path: Path) -> WatchSettings:
    """
    Return the settings in a file; relative paths start at its folder.

    Raises UsageError with file:line for the first mistake.
    """
    reader = YamlReader(UsageError, secret_tag(path.absolute().parent), _MISSING)
    value = reader.read(path)
    if value is None or value.data is None:
        raise UsageError(f"{path}: empty", hint="groups: {web: {every: 15m}}")
    said = keys(value, *_TOP)
    groups = said.get("groups")
    if groups is None or not isinstance(groups.data, dict) or not groups.data:
        raise (groups or value).error("there are no groups", hint="groups: {web: {every: 15m}}")
    at_once = whole(said["at_once"], 1) if "at_once" in said else AT_ONCE
    folder = path.absolute().parent
    defaults = dict(keys(said["defaults"], *_GROUP)) if "defaults" in said else {}
    found: list[WatchGroup] = []
    for name, entry in groups.data.items():
        own = dict(keys(entry, *_GROUP)) if entry.data is not None else {}
        group = _group(name, entry, {**defaults, **own}, folder, found)
        if "window" in own and group.do != "converge":  # that of the defaults is for the others
            raise own["window"].error(
                f"{name} is never changed", hint="do: converge, in this window"
            )
        found.append(group)
    notify = read_targets(said.get("notify"))
    return WatchSettings(path=path, groups=tuple(found), at_once=at_once, notify=notify)


_MISSING = "docs/guide/watch.md shows one"


def _group(
    name: str, value: Value, said: Mapping[str, Value], folder: Path, before: list[WatchGroup]
) -> WatchGroup:
    if "," in name or name.startswith("!"):
        raise value.error(f"{name!r}: one group, host or pattern of hosts, without a comma")
    if "every" not in said:
        raise value.error(f"{name} has no `every`", hint="every: 15m")
    readers: Mapping[str, Callable[[Value], Any]] = {
        "every": seconds,
        "splay": seconds,
        "do": _mode,
        "window": lambda one: several(one, read_hours),
        "recipes": lambda one: several(one, lambda item: _recipe(item, folder)),
        "timeout": _span,
        "prune": flag,
        "record": flag,
    }
    read: dict[str, Any] = {key: readers[key](one) for key, one in said.items()}
    if read["every"] < _SHORTEST:
        raise said["every"].error(f"every: at least {_SHORTEST}s, not {said['every']}")
    if read.get("splay", 0) >= read["every"]:
        raise said["splay"].error("splay must be shorter than `every`")
    limit = ",".join([name, *(f"!{one.name}" for one in before)])
    return WatchGroup(name=name, at=value.at, limit=limit, **read)


def _recipe(value: Value, folder: Path) -> Path:
    path = folder / text(value)
    if not path.is_file():
        raise value.error(f"there is no recipe {value}", hint=f"paths start at {folder}")
    return path


def _mode(value: Value) -> str:
    if (said := text(value)) not in get_args(WatchMode):
        raise value.error(f"do must be drift or converge, not {value}")
    return said


def _span(value: Value) -> str:
    seconds(value)
    return text(value)
