"""Locales, by /etc/default/locale and locale-gen(8)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import LiteralString

from cookbook.provider import (
    Change,
    Command,
    Content,
    Probe,
    Provider,
    Thing,
    hint,
    join,
    keep_output,
    provides,
    sh,
)
from cookbook.providers import settings
from cookbook.providers.line_lists import LINES, key_of, lines_of
from cookbook.providers.small_files import TEXT, ages, parse_text, times, write_small
from cookbook.providers.stat import TARGET
from cookbook.resources.locale import Locale

DEFAULT, GENERATED = "/etc/default/locale", "/etc/locale.gen"


@dataclass(frozen=True)
class State:
    """The variables, the locales to generate, and whether all are there."""

    default: str = ""
    """The text of /etc/default/locale."""
    listed: tuple[str, ...] = ()
    """The locales in /etc/locale.gen, sorted."""
    generated: bool = True
    """True if all locales are there."""
    file: Content | None = hint()
    """The text of /etc/locale.gen, where it was kept before the change."""
    default_modified: str | None = hint()
    file_modified: str | None = hint()


# A line that is commented out is used; what is not among them is added.
_ADD: LiteralString = r"""
BEGIN { n = split(ENVIRON["cook_new"], w, "\n"); for (i = 1; i <= n; i++) new[w[i]] = i }
{ l = $0; sub(/^#[ \t]*/, "", l); sub(/[ \t]+$/, "", l)
if (l in new) { delete new[l]; print l } else print }
END { for (i = 1; i <= n; i++) if (w[i] in new) print w[i] }
"""


@provides(Locale)
class LocaleProvider(Provider[Locale, State]):
    """The variables are edited; what is not declared stays as it is."""

    owns = False

    def probe(self, locale: Locale) -> Sequence[Probe]:
        """Ask for the files, the locales that are there, and locale-gen(8)."""
        return [
            TEXT.about(DEFAULT),
            LINES.about(key_of(GENERATED, "^[[:space:]]*[^#[:space:]]")),
            Probe(sh("locale -a")),
            TARGET.about("/usr/sbin/locale-gen", loose=True),
        ]

    def parse(self, locale: Locale, default: str, list_: str, there: str, *_: str | None) -> State:
        """Return the state."""
        listed = sorted({" ".join(line.split()) for line in lines_of(list_)})
        needed = set(map(_plain, locale.needed))
        return State(
            parse_text(default) or "",
            tuple(listed),
            generated=needed <= set(map(_plain, there.split())),
        )

    def plan(self, locale: Locale, found: State | None) -> Change[State]:
        """Edit the variables; add the locales that are not listed."""
        now = found or State(generated=False)
        default = now.default
        for key, value in locale.variables.items():
            place = settings.SettingPlace("shell", None, key)
            if settings.find(place, default).value != value:
                default = settings.edited(default, place, value)
        listed = {*now.listed, *map(_line, locale.needed)}
        return Change(found, State(default, tuple(sorted(listed)), generated=True))

    def commands(self, _name: str, change: Change[State]) -> Iterable[Command]:
        """Generate first: no login has a locale that is not there."""
        found, wanted = change.found or State(), change.wanted
        if wanted is None:
            return
        if "listed" in change.fields:
            yield _list(wanted, [line for line in wanted.listed if line not in found.listed])
        if "listed" in change.fields or change.fields.get("generated") == (False, True):
            yield sh("locale-gen >/dev/null")
        if "default" in change.fields:
            yield write_small(DEFAULT, wanted.default, wanted.default_modified)

    def keeps(self, _name: str, change: Change[State]) -> Command | None:
        """Keep the list, and ask when the files were modified."""
        kept = keep_output(sh("[ ! -e {} ] || cat {}", GENERATED, GENERATED))
        return join([ages([DEFAULT, GENERATED]), kept])

    def learned(self, change: Change[State], kept: str, said: str) -> Change[State]:
        """Add the digest and the times of modification."""
        lines = kept.splitlines()
        if change.found is None or len(lines) != 3:
            return change
        default, list_ = (times(line)[0] for line in lines[:2])
        file = Content(lines[2]) if re.fullmatch("[0-9a-f]{64}", lines[2]) else None
        found = replace(change.found, file=file, default_modified=default, file_modified=list_)
        return replace(change, found=found)

    def missing(self, locale: Locale, *answers: str | None) -> Iterable[Thing]:
        """Yield locale-gen(8), where it is needed."""
        default, list_, there, tool = answers
        if not locale.needed or tool is not None:
            return []
        if default is not None and list_ is not None and there is not None:
            found = self.parse(locale, default, list_, there)
            if found.generated and {*map(_line, locale.needed)} <= {*found.listed}:
                return []
        return [Thing("tool", "locale-gen")]

    def about(self, locale: Locale) -> Iterable[Thing]:
        """Yield the setting, and its files."""
        files = [Thing("path", DEFAULT), Thing("path", GENERATED)]
        return [Thing("locale", locale.identity), *files]

    def unobtainable(self, _name: str, change: Change[State], now: State | None) -> str | None:
        """Return the reason: the former list was not kept."""
        kept = change.found is None or change.found.file is not None
        return None if kept or "listed" not in change.fields else f"{GENERATED} was not kept"


def _list(wanted: State, new: Sequence[str]) -> Command:
    """Return the command that adds lines to the list, or restores it; an empty one goes."""
    touch = sh('touch -d @{} -- "$t"', wanted.file_modified) if wanted.file_modified else sh(":")
    if wanted.file is not None:
        fill = sh('content {} >"$t"', wanted.file)
    else:
        source = sh('"$([ -e "$p" ] && echo "$p" || echo /dev/null)"')
        fill = sh('cook_new={} awk {} {} >"$t"', "\n".join(new), _ADD, source)
    command = sh(
        '(p={}; t=${p%/*}/.cook-$cook_nonce; trap \'rm -f -- "$t"\' EXIT; umask 077; : >"$t" &&'
        ' { if [ -e "$p" ]; then cp -p -- "$p" "$t"; else chmod 0644 -- "$t"; fi; } && {} &&'
        ' { [ -s "$t" ] || { rm -f -- "$p"; exit; }; } && {} && mv -fT -- "$t" "$p")',
        GENERATED,
        fill,
        touch,
    )
    return replace(command, called=f"edit {GENERATED}", shown=f"edit {GENERATED}")


def _plain(name: str) -> str:
    """
    Return a locale as it is compared: en_US.UTF-8 is listed as en_US.utf8.

    >>> _plain("de_DE.ISO-8859-1")
    'de_DE.iso88591'
    """
    place, dot, rest = name.partition(".")
    code, at, kind = rest.partition("@")
    return f"{place}{dot}{re.sub('[^a-z0-9]', '', code.lower())}{at}{kind}"


def _line(name: str) -> str:
    """Return the line of a locale in /etc/locale.gen."""
    return f"{name} {name.partition('.')[2].partition('@')[0]}"
