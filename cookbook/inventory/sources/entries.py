"""The entries of `sources:` in hosts.yml: a kind, its settings, and what all kinds have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from cookbook.inventory.sources.query import SourceQuery, texts_of
from cookbook.text.suggest import did_you_mean
from cookbook.text.yaml_fields import seconds_or_number
from cookbook.text.yaml_value import Value
from cookbook.transport.registry import SOURCES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TIMEOUT = 60.0
"""Seconds that a source may take."""

_COMMON = ("cache", "max_stale", "timeout", "group", "without")
_DAY = 86400.0

T = TypeVar("T")
D = TypeVar("D")


@dataclass(frozen=True)
class DeclaredSource:
    """One source of hosts."""

    query: SourceQuery
    cache: float = 0.0
    """Seconds for which an answer counts."""

    max_stale: float = 0.0
    """Seconds for which an answer counts if the source fails."""

    group: str | None = None
    """The group that all hosts of the source are in."""

    without: frozenset[str] = frozenset()
    """Names of variables that are left out."""

    @property
    def name(self) -> str:
        """The name for people: `program ./hosts.py`."""
        return self.query.name

    @property
    def at(self) -> str:
        """file:line."""
        return self.query.value.at


def read_sources(value: Value, folder: Path) -> list[DeclaredSource]:
    """Return the sources that are declared. Raises InventoryError."""
    if not isinstance(value.data, list):
        raise value.error(f"sources must be a list, not {value}", hint="- program: ./hosts.py")
    return [_entry(item, folder) for item in value.data]


def program_source(path: Path) -> DeclaredSource:
    """Return the source that is a program, named instead of a hosts.yml."""
    from cookbook.errors import InventoryError

    value = Value(str(path.absolute()), str(path), str(path), InventoryError)
    folder = path.absolute().parent
    return DeclaredSource(SourceQuery("program", value, folder, TIMEOUT, f"program {path}"))


def _entry(item: Value, folder: Path) -> DeclaredSource:
    if not isinstance(item.data, dict):
        raise item.error(f"a source must be a mapping, not {item}", hint="- program: ./hosts.py")
    kinds = [key for key in item.data if key not in _COMMON]
    for key in kinds:
        if key not in SOURCES.places:
            known = (*SOURCES.places, *_COMMON)
            hint = did_you_mean(key, known) or f"the kinds are: {', '.join(SOURCES.places)}"
            raise item.data[key].error(f"unknown key {key!r} in a source", hint=hint)
    if len(kinds) != 1:
        problem = f"has two kinds: {', '.join(kinds)}" if kinds else "has no kind"
        raise item.error(
            f"the source {problem}", hint=f"one of: {', '.join(SOURCES.places)}; each in an entry"
        )
    parts, [kind] = item.data, kinds
    timeout = _read(parts, "timeout", seconds_or_number, TIMEOUT)
    if timeout == 0:
        raise parts["timeout"].error("no source answers within no time", hint="timeout: 30")
    cache = _read(parts, "cache", seconds_or_number, 0.0)
    query = SourceQuery(kind, parts[kind], folder, timeout, _name(kind, parts[kind]))
    return DeclaredSource(
        query,
        cache,
        _read(parts, "max_stale", seconds_or_number, _DAY if cache else 0.0),
        _read(parts, "group", _text, None),
        frozenset(_read(parts, "without", lambda one: texts_of(one, "without of a source"), ())),
    )


def _read(parts: dict[str, Value], key: str, read: Callable[[Value], T], none: D) -> T | D:
    return read(parts[key]) if key in parts else none


def _text(value: Value) -> str:
    if not isinstance(value.data, str):
        raise value.error(f"group of a source must be a name, not {value}")
    return value.data


def _name(kind: str, value: Value) -> str:
    first = value.data[0] if isinstance(value.data, list) and value.data else value
    return f"{kind} {first.data}" if isinstance(first.data, str) else kind
