"""
Ignored drift: which, why, and until when.

A list in YAML, each entry with a reason; or one entry on the command line.

    - match: file[/etc/motd]        # a pattern, see docs/patterns.md
      hosts: web*,!web3             # optional
      property: mode                # optional: only where nothing else differs
      reason: the vendor's banner
      until: 2026-12-31             # optional: the last day
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from cookbook.errors import UsageError
from cookbook.planning.status import Excuse
from cookbook.text.glob import Glob
from cookbook.text.suggest import did_you_mean
from cookbook.text.yaml_reader import YamlReader
from cookbook.text.yaml_value import Value

_KEYS = ("match", "hosts", "property", "reason", "until")
_MOST_ENTRIES = 10_000
_LONGEST_PATTERN = 1_000
_UNTIL = re.compile(r"^(?P<reason>.*\S)\s+until\s+(?P<until>\S+)$", re.DOTALL)
_EXAMPLE = "--ignore 'file[/etc/motd]=the vendor writes it until 2026-12-31'"


@dataclass(frozen=True)
class Ignore:
    """One entry: what is ignored, and why."""

    match: Glob
    """The ids of resources: `file[/etc/*]`."""

    reason: str
    hosts: Sequence[Glob] = ()
    """The names of hosts. None at all: every host."""

    but: Sequence[Glob] = ()
    """The names of hosts that are excluded."""

    property: Glob | None = None
    """Only where everything that differs is such a property."""

    until: date | None = None
    """The last day on which it counts."""

    at: str = "--ignore"
    """The place where it is written."""

    def about(self, host: str, resource: str) -> bool:
        """Return whether it matches that resource of that host."""
        return self.match.fits(resource) and self._on(host)

    def covers(self, fields: Collection[str]) -> set[str]:
        """Which of these properties it puts up with."""
        pattern = self.property
        return {name for name in fields if pattern is None or pattern.fits(name)}

    def expired(self, today: date) -> bool:
        """Return whether its last day is over."""
        return self.until is not None and self.until < today

    def excuse(self) -> Excuse:
        """Return it as part of a document."""
        until = self.until.isoformat() if self.until is not None else None
        return {"pattern": self.match.text, "reason": self.reason, "until": until}

    def _on(self, host: str) -> bool:
        chosen = not self.hosts or any(glob.fits(host) for glob in self.hosts)
        return chosen and not any(glob.fits(host) for glob in self.but)


def ignores(words: Sequence[str]) -> list[Ignore]:
    """
    Return the entries of `--ignore`: files and single entries.

    A single entry is `file[/etc/*]=reason until 2026-12-31`.
    Raises InputError, with file and line if there is one.
    """
    found: list[Ignore] = []
    for word in words:
        if "=" in word and not Path(word).is_file():
            found.append(_from_word(word))
        else:
            found += load(Path(word))
    return found


def load(path: Path) -> list[Ignore]:
    """
    Return the entries of a file.

    Raises InputError with file and line.
    """
    value = YamlReader(missing=f"or say it here: {_EXAMPLE}").read(path)
    return [_entry(entry) for entry in _list(value)] if value is not None else []


def _list(value: Value) -> list[Value]:
    if not isinstance(value.data, list):
        raise value.error(f"a list of entries is wanted, not {value}", hint="begin each with `- `")
    if len(value.data) > _MOST_ENTRIES:
        raise value.error(f"more than {_MOST_ENTRIES:,} entries")
    return value.data


def _entry(value: Value) -> Ignore:
    data = value.data
    if not isinstance(data, dict):
        raise value.error(f"an entry is a mapping, not {value}", hint="match: and reason: at least")
    for key in data:
        if key not in _KEYS:
            hint = did_you_mean(key, _KEYS) or f"there are {', '.join(_KEYS)}"
            raise data[key].error(f"an entry has no {key!r}", hint=hint)
    for key in ("match", "reason"):
        if key not in data:
            raise value.error(f"this entry has no {key!r}", hint=_WHY[key])
    hosts = _hosts(data["hosts"]) if "hosts" in data else []
    return Ignore(
        Glob(_pattern(data["match"])),
        _text(data["reason"]),
        [Glob(name) for name in hosts if not name.startswith("!")],
        [Glob(name[1:]) for name in hosts if name.startswith("!")],
        Glob(_pattern(data["property"])) if "property" in data else None,
        _date(data["until"]) if "until" in data else None,
        value.at,
    )


_WHY = {
    "match": "a resource, such as file[/etc/motd]; * and ? stand for anything",
    "reason": "give the reason: the report shows it",
}


def _text(value: Value) -> str:
    if not isinstance(value.data, str) or not value.data.strip():
        raise value.error(f"text is wanted, not {value}")
    return value.data.strip()


def _pattern(value: Value) -> str:
    text = _text(value)
    if len(text) > _LONGEST_PATTERN:
        raise value.error(f"a pattern of more than {_LONGEST_PATTERN} characters")
    return text


def _hosts(value: Value) -> list[str]:
    items = value.data if isinstance(value.data, list) else [value]
    found = [name.strip() for item in items for name in _pattern(item).split(",") if name.strip()]
    if any("[" in name for name in found):
        raise value.error(f"{value} has a range: only * and ? are for hosts here")
    return found


def _date(value: Value) -> date:
    try:
        return date.fromisoformat(_text(value))
    except ValueError:
        hint = "the last day on which it counts: 2026-12-31"
        raise value.error(f"{value} is no date", hint=hint) from None


def _from_word(word: str) -> Ignore:
    bracket = word.find("]=")
    place = bracket + 1 if bracket >= 0 else word.index("=")
    match, reason, until = word[:place].strip(), word[place + 1 :].strip(), None
    if said := _UNTIL.match(reason):
        reason, until = said["reason"], said["until"]
    if not match or not reason:
        raise UsageError(f"--ignore {word}: a pattern and a reason are wanted", hint=_EXAMPLE)
    at = f"--ignore {match}"
    pattern = Glob(_pattern(Value(match, at, raises=UsageError)))
    day = _date(Value(until, at, raises=UsageError)) if until is not None else None
    return Ignore(pattern, reason, until=day, at=at)
