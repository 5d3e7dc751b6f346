"""Locales, by /etc/default/locale and locale-gen(8)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from cookbook.provider import Change, Command, Probe, Provider, Thing, hint, provides, sh
from cookbook.providers import settings
from cookbook.providers.small_files import TEXT, ages, parse_text, times, write_small
from cookbook.providers.stat import TARGET
from cookbook.resources.locale import Locale

DEFAULT, GENERATED = "/etc/default/locale", "/etc/locale.gen"


@dataclass(frozen=True)
class State:
    """Two files, and whether the locales are there."""

    default: str = ""
    """The text of /etc/default/locale."""
    list: str = ""
    """The text of /etc/locale.gen."""
    generated: bool = True
    """True if all locales are there."""
    default_modified: str | None = hint()
    list_modified: str | None = hint()


@provides(Locale)
class LocaleProvider(Provider[Locale, State]):
    """The variables are edited; what is not declared stays as it is."""

    owns = False

    def probe(self, locale: Locale) -> Sequence[Probe]:
        """Ask for the files, the locales that are there, and locale-gen(8)."""
        tool = TARGET.about("/usr/sbin/locale-gen", loose=True)
        return [TEXT.about(DEFAULT), TEXT.about(GENERATED), Probe(sh("locale -a")), tool]

    def parse(
        self, locale: Locale, default: str, list_: str, there: str, _tool: str | None
    ) -> State:
        """Return the state."""
        have = set(map(_plain, there.split()))
        needed = set(map(_plain, locale.needed))
        return State(parse_text(default) or "", parse_text(list_) or "", needed <= have)

    def plan(self, locale: Locale, found: State | None) -> Change[State]:
        """Edit the files."""
        now = found or State(generated=False)
        default, list_ = now.default, now.list
        for key, value in locale.variables.items():
            place = settings.SettingPlace("shell", None, key)
            if settings.find(place, default).value != value:
                default = settings.edited(default, place, value)
        for name in locale.needed:
            list_ = _with(list_, name)
        return Change(found, State(default, list_, generated=True))

    def commands(self, _name: str, change: Change[State]) -> Iterable[Command]:
        """Generate first: no login has a locale that is not there."""
        wanted = change.wanted
        if wanted is None:
            return
        if "list" in change.fields:
            yield write_small(GENERATED, wanted.list, wanted.list_modified)
        if "list" in change.fields or change.fields.get("generated") == (False, True):
            yield sh("locale-gen >/dev/null")
        if "default" in change.fields:
            yield write_small(DEFAULT, wanted.default, wanted.default_modified)

    def keeps(self, _name: str, change: Change[State]) -> Command | None:
        """Ask when the files were modified."""
        return ages([DEFAULT, GENERATED])

    def learned(self, change: Change[State], kept: str, said: str) -> Change[State]:
        """Add the times of modification."""
        ages_ = times(kept)
        if change.found is None or len(ages_) != 2:
            return change
        found = replace(change.found, default_modified=ages_[0], list_modified=ages_[1])
        return replace(change, found=found)

    def missing(self, locale: Locale, *answers: str | None) -> Iterable[Thing]:
        """Yield locale-gen(8), where it is needed."""
        default, list_, there, tool = answers
        if not locale.needed or tool is not None:
            return []
        have = set(map(_plain, (there or "").split()))
        if {*map(_plain, locale.needed)} <= have and default is not None and list_ is not None:
            text = parse_text(list_) or ""
            if all(_with(text, name) == text for name in locale.needed):
                return []
        return [Thing("tool", "locale-gen")]

    def about(self, locale: Locale) -> Iterable[Thing]:
        """Yield the setting, and its files."""
        files = [Thing("path", DEFAULT), Thing("path", GENERATED)]
        return [Thing("locale", locale.identity), *files]


def _plain(name: str) -> str:
    """
    Return a locale as it is compared: en_US.UTF-8 is listed as en_US.utf8.

    >>> _plain("de_DE.ISO-8859-1")
    'de_DE.iso88591'
    """
    place, dot, rest = name.partition(".")
    code, at, kind = rest.partition("@")
    return f"{place}{dot}{re.sub('[^a-z0-9]', '', code.lower())}{at}{kind}"


def _with(text: str, name: str) -> str:
    """Return the text of /etc/locale.gen with a locale: its line loses the `#`, or is added."""
    code = name.partition(".")[2].partition("@")[0]
    line = f"{name} {code}"
    words = rf"{re.escape(name)}[ \t]+{re.escape(code)}[ \t]*"
    if re.search(rf"(?m)^[ \t]*{words}$", text):
        return text
    edited, count = re.subn(rf"(?m)^#[ \t]*{words}$", line.replace("\\", ""), text, count=1)
    if count:
        return edited
    return f"{text}{'' if text.endswith(chr(10)) or not text else chr(10)}{line}\n"
