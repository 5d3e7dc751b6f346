"""Pins, by apt_preferences(5)."""

from __future__ import annotations

from collections.abc import Iterable

from cookbook.provider import Change, Thing, provides
from cookbook.providers.apt_get import LISTS
from cookbook.providers.own_file import OwnFileProvider
from cookbook.providers.writing import State
from cookbook.resources.apt_preference import AptPreference
from cookbook.resources.file import File


@provides(AptPreference, when=lambda facts: facts.package_tool == "apt")
class AptPreferenceProvider(OwnFileProvider[AptPreference]):
    """One file; what may be installed and what is the newest depends on it."""

    def file(self, preference: AptPreference) -> File:
        """Return the file."""
        path = preference.identity
        if preference.action == "remove":
            return File(path, action="delete", backup=False)
        text = preference.text
        return File(path, content=text, owner="root", group="root", mode="0644", backup=False)

    def alters(self, preference: AptPreference, change: Change[State] | None) -> Iterable[Thing]:
        """Yield the file, and what apt offers."""
        return [*super().alters(preference, change), LISTS]

    def brings_anything(self, name: str) -> bool:
        """Return True: a pin can make a package available."""
        return True

    def takes_anything(self, name: str) -> bool:
        """Return False: what is installed stays."""
        return False
