"""Settings in configuration files, edited as text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from cookbook.provider import Change, Command, Thing, hint, provides
from cookbook.providers import settings
from cookbook.providers.text_edits import TextEditProvider, TextState
from cookbook.resources.config_value import STRUCTURED, ConfigValue


@dataclass(frozen=True)
class State(TextState):
    """A setting: its value, and what is needed to write it."""

    value: str | None = None
    section: str | None = hint()
    key: str = hint(default="")
    form: str = hint(default="")


@provides(ConfigValue)
class ConfigValueProvider(TextEditProvider[ConfigValue, State]):
    """Settings in files of the formats in `settings`."""

    def path(self, value: ConfigValue) -> str:
        """Return the path of the file."""
        return value.path

    def removes_it(self, value: ConfigValue) -> bool:
        """Return whether the action removes the setting."""
        return value.action == "unset"

    def read(self, value: ConfigValue, text: str) -> State | None:
        """Return the value."""
        place = _place_of(value)
        found = settings.find(place, text).value
        if found is None:
            return None
        wanted = value.text if value.value is not None else None
        told = wanted if wanted == found else found  # a Secret stays one
        return State(value=told, section=place.section, key=place.key, form=place.form)

    def edit(self, value: ConfigValue, text: str) -> str:
        """Return the text with the value."""
        if settings.find(_place_of(value), text).value == value.text:
            return text
        return settings.edited(text, _place_of(value), value.text)

    def without(self, value: ConfigValue, text: str) -> str:
        """Return the text without the setting."""
        return settings.edited(text, _place_of(value), None)

    def plan(self, value: ConfigValue, found: State | None) -> Change[State]:
        """Compare the value; say so if the rest of the file cannot stay as it is."""
        change = super().plan(value, found)
        side = change.wanted if change.needed else None
        if side is None or value.dialect not in STRUCTURED or len(side.hunks) <= _MOST:
            return change
        return replace(change, note="the file is formatted anew; its values and comments stay")

    def together(self, changes: Sequence[tuple[str, Change[State]]]) -> Sequence[Command] | None:
        """Return one command, unless an edit of the text before it would be another one."""
        commands = super().together(changes)
        sides = [change.wanted or change.found for _, change in changes]
        if commands is None or len(changes) == 1 or any(s is None or s.digest for s in sides):
            return commands
        base = changes[0][1].found or changes[0][1].wanted
        text = (base.text if changes[0][1].found else base.before) if base is not None else None
        merged = self.merged([change for _, change in changes])
        for side, (_, change) in zip(sides, changes, strict=True):
            assert side is not None  # noqa: S101 - there is something to change
            place = settings.SettingPlace(side.form, side.section, side.key)
            wanted = side.value if change.wanted is not None else None
            text = settings.edited(text or "", place, wanted)
        return commands if text == merged else None

    def restored(self, change: Change[State], text: str) -> str | None:
        """Return the text with the former value: another setting may be on its line."""
        side, before = change.wanted or change.found, change.found
        if side is None or side.form not in STRUCTURED:
            return None
        place = settings.SettingPlace(side.form, side.section, side.key)
        return settings.edited(text, place, before.value if before is not None else None)

    def alters(self, value: ConfigValue, change: Change[State] | None) -> Iterable[Thing]:
        """Yield the setting only, because other settings of the file stay as they are."""
        return [Thing("setting", value.identity)]


_MOST = 3
"""Places of a file that an edit of one value changes."""


def _place_of(value: ConfigValue) -> settings.SettingPlace:
    return settings.SettingPlace(value.dialect or "ini", value.section, value.setting)
