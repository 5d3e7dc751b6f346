"""
Waivers: which control may fail on which hosts, why, and until when.

    - control: ssh-02           # the id of a control
      hosts: legacy*,!legacy3   # optional: names and patterns of hosts
      reason: the vendor logs in with a password until the new appliance is there
      expires: 2026-12-31       # the last day on which it counts
      by: ann                   # optional
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from cookbook.errors import UsageError
from cookbook.language.collection import display_path
from cookbook.text.glob import Glob
from cookbook.text.suggest import did_you_mean
from cookbook.text.yaml_fields import each, keys, text, texts
from cookbook.text.yaml_reader import YamlReader
from cookbook.text.yaml_value import Value

SOON = timedelta(days=14)
"""A waiver that expires within this time is said."""


@dataclass(frozen=True)
class Waiver:
    """One waiver."""

    control: str
    reason: str
    expires: date
    """The last day on which it counts."""

    hosts: Sequence[Glob] = ()
    """Names of hosts; without any, all hosts."""

    but: Sequence[Glob] = ()
    by: str | None = None
    at: str = ""
    """The place where it is written."""

    def covers(self, control: str, host: str) -> bool:
        """Return whether it is about this control on this host."""
        chosen = not self.hosts or any(glob.fits(host) for glob in self.hosts)
        return control == self.control and chosen and not any(glob.fits(host) for glob in self.but)

    def has_expired(self, today: date) -> bool:
        """Return whether its last day is over."""
        return self.expires < today

    def expires_soon(self, today: date) -> bool:
        """Return whether it still counts, and will not in 14 days."""
        return today <= self.expires < today + SOON


def read_waivers(path: Path, controls: Iterable[str]) -> list[Waiver]:
    """
    Return the waivers of a file; `controls` are the ids of the profile.

    Raises UsageError with file and line: a wrong waiver must not be ignored.
    """
    shown = Path(display_path(str(path)))
    value = YamlReader(UsageError, missing="--waivers names a file").read(shown)
    known = list(controls)
    return list(each(value, lambda entry: _waiver(entry, known)))


def remarks(waivers: Iterable[Waiver], today: date) -> Iterator[str]:
    """Yield a sentence about each waiver that has expired, or will soon."""
    for waiver in waivers:
        if waiver.has_expired(today):
            yield (
                f"{waiver.at}: the waiver of {waiver.control} has expired on {waiver.expires}; it"
                " counts no more"
            )
        elif waiver.expires_soon(today):
            days = (waiver.expires - today).days
            when = "today" if days == 0 else f"in {days} day{'s'[: days != 1]}"
            yield f"{waiver.at}: the waiver of {waiver.control} expires {when} ({waiver.expires})"


def _waiver(entry: Value, known: Sequence[str]) -> Waiver:
    said = keys(entry, "control", "hosts", "reason", "expires", "by")
    for name in ("control", "reason", "expires"):
        if name not in said:
            raise entry.error(f"a waiver without {name!r}", hint=f"{name}: is required")
    control = text(said["control"])
    if control not in known:
        raise said["control"].error(
            f"a waiver for {control!r}, and the profile has no such control",
            hint=did_you_mean(control, known),
        )
    patterns = _patterns(said["hosts"]) if "hosts" in said else []
    return Waiver(
        control,
        text(said["reason"]),
        _day(said["expires"]),
        [Glob(one) for one in patterns if not one.startswith("!")],
        [Glob(one[1:]) for one in patterns if one.startswith("!")],
        text(said["by"]) if "by" in said else None,
        entry.at,
    )


def _patterns(value: Value) -> list[str]:
    patterns = [part.strip() for one in texts(value) for part in one.split(",")]
    if not all(part.removeprefix("!") for part in patterns):
        raise value.error("an empty pattern of hosts", hint="leave `hosts` out to mean all hosts")
    return patterns


def _day(value: Value) -> date:
    written = value.data if isinstance(value.data, str) else value.written
    try:
        return datetime.strptime(written, "%Y-%m-%d").date()  # noqa: DTZ007 - a day has no zone
    except ValueError:
        raise value.error(f"{written!r} is no date", hint="expires: 2026-12-31") from None
