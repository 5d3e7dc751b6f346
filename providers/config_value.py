"""Settings in configuration files, edited as text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from cookbook.provider import Change, Probe, Thing, hint, provides
from cookbook.providers import settings
from cookbook.providers.ssh_files import SshEdit, SshFiles, ask_files
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

    def applied(self, change: Change[State], text: str) -> str | None:
        """Return the text with the value, or without the setting."""
        side = change.wanted or change.found
        if side is None:
            return None
        place = settings.SettingPlace(side.form, side.section, side.key)
        return settings.edited(text, place, side.value if change.wanted is not None else None)

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

    def besides(self, value: ConfigValue) -> Sequence[Probe]:
        """Ask for all files of sshd(8), of which the first with the setting decides."""
        ours = re.fullmatch(r"/etc/ssh/sshd_config(\.d/.*)?", value.path) is not None
        return [ask_files(_SSHD)] if ours and value.action == "set" else []

    def warning(self, value: ConfigValue, said: str | None) -> str | None:
        """Name another file of sshd(8) that has another value, and is read first."""
        edit = SshEdit("", "", value.setting.lower(), ())
        files = SshFiles.parse(_SSHD, said or "")
        for path, setting in files.settings(edit):
            if path == value.path:
                return None
            if setting.value != value.text:
                return (
                    f"{path} has {value.setting} {setting.value}, and is read first: sshd does not"
                    " use this value; `sshd_config` writes a setting where it is used"
                )
        return None


_SSHD = "/etc/ssh/sshd_config"

_MOST = 3
"""Places of a file that an edit of one value changes."""


def _place_of(value: ConfigValue) -> settings.SettingPlace:
    return settings.SettingPlace(value.dialect or "ini", value.section, value.setting)
