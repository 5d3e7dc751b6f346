"""A question to a source of hosts, as the function of its kind gets it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from cookbook.errors import Failed, InventoryError, SourceError
from cookbook.text.suggest import did_you_mean
from cookbook.text.yaml_value import Value

if TYPE_CHECKING:
    from cookbook.errors import InputError


@dataclass(frozen=True)
class SourceQuery:
    """
    The settings of one source in hosts.yml, checked as they are read.

    Each method raises InventoryError with file and line for a setting that is wrong.
    """

    kind: str
    value: Value
    """The value of the kind in hosts.yml."""

    folder: Path
    """The folder of hosts.yml; relative paths start there."""

    timeout: float
    """Seconds that the answer may take."""

    name: str = ""
    """For people: the kind, and which one it is, `program ./hosts.py`."""

    warnings: list[str] = field(default_factory=list)
    """Sentences for the user."""

    cancelled: Event = field(default_factory=Event, repr=False, compare=False)
    """Set if the answer is not wanted any more: the user has interrupted the command."""

    @property
    def settings(self) -> Mapping[str, Value]:
        """The settings; none if nothing stands behind the kind."""
        if self.value.data is None:
            return {}
        if not isinstance(self.value.data, dict):
            raise self.value.error(f"{self.kind} must be a mapping of settings, not {self.value}")
        return self.value.data

    def check(self, known: Iterable[str]) -> None:
        """Refuse settings that are not known, with the nearest one."""
        known = tuple(known)
        for key, value in self.settings.items():
            if key not in known:
                hint = did_you_mean(key, known) or f"the keys are: {', '.join(known)}"
                raise value.error(f"unknown key {key!r} in {self.kind}", hint=hint)

    def text(self, key: str, default: str = "", choices: Iterable[str] = ()) -> str:
        """Return a setting that is a text; one of the choices, if there are some."""
        if key not in self.settings:
            return default
        value = self.settings[key]
        allowed = tuple(choices)
        if not isinstance(value.data, str) or (allowed and value.data not in allowed):
            wanted = f"one of {', '.join(allowed)}" if allowed else "text"
            raise value.error(f"{key} of {self.kind} must be {wanted}, not {value}")
        return value.data

    def texts(self, key: str) -> list[str]:
        """Return a setting that is a text or a list of them; the empty list if it is not there."""
        if key not in self.settings:
            return []
        return texts_of(self.settings[key], f"{key} of {self.kind}")

    def error(self, message: str, key: str = "", *, hint: str | None = None) -> InputError:
        """Return an error about a setting, to be raised; without a key it is about the kind."""
        value = self.settings[key] if key else self.value
        return value.error(f"{self.name or self.kind}: {message}", hint=hint)

    def failure(
        self, message: str, *, hint: str | None = None, failed: Failed | None = None
    ) -> SourceError:
        """Return the error of a source that does not answer as it should, to be raised."""
        text = f"{self.value.at}: {self.name or self.kind}: {message}"
        return SourceError(text, hint=hint, failed=failed)

    def warn(self, message: str) -> None:
        """Add a sentence that the user reads on the error stream."""
        self.warnings.append(message)


def texts_of(value: Value, what: str) -> list[str]:
    """Return a text or a list of texts as a list. Raises the error of the value."""
    items = value.data if isinstance(value.data, list) else [value]
    found = [item.data for item in items if isinstance(item.data, str)]
    if len(found) != len(items) or not found:
        raise value.error(f"{what} must be text or a list of texts, not {value}")
    return found


def library_missing(query: SourceQuery, library: str, extra: str) -> InputError:
    """Return the error for a library that is not installed."""
    return InventoryError(
        f"{query.value.at}: {query.kind} needs the library {library}",
        hint=f"pip install 'cook-converge[{extra}]'",
    )
