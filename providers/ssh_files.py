"""
The configuration files of OpenSSH: settings in sections, of which the first value wins.

A section begins with a line `Match` or `Host` and ends with the next one, or with its file. What
an `Include` names is read in its place, so an earlier file may win over a later line.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import LiteralString, NamedTuple

from cookbook.provider import Probe, sh
from cookbook.providers.text_edits import bare, lines_of, text_with


class SshLine(NamedTuple):
    """One setting in a file."""

    section: str
    """Its `Match` or `Host`, see `section_name`; empty before the first one."""
    key: str
    """The keyword in small letters."""
    value: str
    at: int
    """The number of its line, from 0."""


_LINE = re.compile(r"\s*([A-Za-z][A-Za-z0-9]*)(?:\s*=\s*|\s+)(.*?)\s*")


def section_name(keyword: str, criteria: str) -> str:
    """
    Return the name of a section by which it is compared.

    >>> section_name("Match", 'user  deploy Address "10.0.0.1"')
    'match user deploy address 10.0.0.1'
    """
    words = criteria.replace('"', "").split()
    if keyword.lower() == "match":
        words = [word if i % 2 else word.lower() for i, word in enumerate(words)]
    return " ".join([keyword.lower(), *words])


def settings_of(text: str) -> Iterator[SshLine]:
    """Yield the settings of a file, with the lines that begin sections."""
    section = ""
    for at, line in enumerate(lines_of(text)):
        found = _LINE.fullmatch(bare(line))
        if found is None:
            continue
        key = found[1].lower()
        if key in ("match", "host"):
            section = section_name(key, found[2])
        yield SshLine(section, key, found[2], at)


@dataclass(frozen=True)
class SshEdit:
    """The edit that brings a setting into a file, wherever the file has it now."""

    section: str
    """As `section_name` has it; empty: the beginning of the file."""
    heading: str
    """The line that begins the section."""
    key: str
    lines: tuple[str, ...]
    """The lines of the setting."""
    first_word: str = ""
    """The first word of the value, if it is a part of the name: `sftp` of `Subsystem sftp`."""
    joined: bool = False
    """True if the values of all lines count, not only that of the first one."""

    def written(self, text: str) -> str:
        """Return the text of a file with the setting."""
        lines = lines_of(text)
        there = self._numbers(text)
        if there:
            for number in there[:0:-1] if self.joined else ():
                lines = lines_of(text_with(lines, number, 1, []))
            return text_with(lines, there[0], 1, [self._indent + line for line in self.lines])
        at = self._place(text)
        new = [f"{self._indent}{line}" for line in self.lines]
        if self.section and at is None:
            return self._with_section(text, new)
        return text_with(lines, len(lines) if at is None else at, 0, new)

    def removed(self, text: str) -> str:
        """Return the text of a file without the setting; a section that is empty then goes, too."""
        there = self._numbers(text)
        for number in reversed(there):
            text = text_with(lines_of(text), number, 1, [])
        heads = [s.at for s in settings_of(text) if s.key in ("match", "host")]
        lines = lines_of(text)
        own = [at for at in heads if _heads(lines[at], self.section)]
        for at in reversed(own if there else []):
            end = min((head for head in heads if head > at), default=len(lines))
            if not "".join(lines[at + 1 : end]).strip():
                text = "".join([*lines[:at], *lines[at + 1 :]])
                lines = lines_of(text)
        return text

    def is_in(self, setting: SshLine) -> bool:
        """Return whether a setting is of this keyword, in this section."""
        word = setting.value.split(None, 1)[0] if setting.value else ""
        same = setting.section == self.section and setting.key == self.key
        return same and self.first_word in ("", word.lower())

    def _numbers(self, text: str) -> list[int]:
        """Return the numbers of its lines."""
        return [setting.at for setting in settings_of(text) if self.is_in(setting)]

    @property
    def _indent(self) -> str:
        return "    " if self.section else ""

    def _place(self, text: str) -> int | None:
        """Return the number of the line before which a new line goes; None: at the end."""
        settings = list(settings_of(text))
        if not self.section:
            return next((s.at for s in settings if s.section), None)
        own = [s.at for s in settings if s.section == self.section]
        return own[-1] + 1 if own else None

    def _with_section(self, text: str, new: Sequence[str]) -> str:
        """Return the text with a new section: the general one of ssh_config(5) stays the last."""
        lines = lines_of(text)
        general = [s.at for s in settings_of(text) if s.section == "host *" and s.key == "host"]
        if general and self.section != "host *":
            return text_with(lines, general[0], 0, [self.heading, *new])
        return text_with(lines, len(lines), 0, [self.heading, *new])


def _heads(line: str, section: str) -> bool:
    found = _LINE.fullmatch(bare(line))
    return found is not None and bool(section) and section_name(found[1], found[2]) == section


# `Include` names files or patterns, relative to the folder; the answer is pairs of a head and a
# text, each with a NUL behind it: `0 PATH` is the main file, `LINE PATTERN PATH` a part of it.
_FILES: LiteralString = r"""
LC_ALL=C; export LC_ALL; m={}; d=${m%/*}; cd -- "$d" 2>/dev/null || exit 4
[ -f "$m" ] || exit {}
one() { printf '%s\0' "$1"; cat -- "$2" || exit; printf '\0'; }
one "0 $m" "$m"
awk 'tolower($1) == "include" { gsub(/"/, ""); for (i = 2; i <= NF; i++) print NR, $i }' "$m" |
while read -r n p; do case $p in /*) ;; *) p=$d/$p ;; esac; printf '%s \0\0' "$n $p"
for f in $p; do [ ! -f "$f" ] || one "$n $p $f" "$f"; done; done
"""


def ask_files(main: str, *, or_empty: bool = False) -> Probe:
    """Return the question for a configuration file and those that it includes."""
    command = sh(_FILES.strip(), main, 0 if or_empty else 4)
    return Probe(replace(command, called=f"read {main} and what it includes"), absent=4)


@dataclass(frozen=True)
class SshFiles:
    """The texts of configuration files."""

    main: str
    texts: Mapping[str, str]
    includes: tuple[tuple[int, str], ...] = ()
    """Number of the line of each `Include` in the main file, from 0, and its pattern."""

    @classmethod
    def parse(cls, main: str, answer: str) -> SshFiles:
        """Return what the answer to `ask_files` says."""
        words = answer.split("\0")
        texts: dict[str, str] = {main: ""}
        includes: list[tuple[int, str]] = []
        for head, text in zip(words[0::2], words[1::2], strict=False):
            number, _, rest = head.partition(" ")
            pattern, _, path = rest.partition(" ")
            if number == "0":
                texts[main] = text
            elif path:
                texts[path] = text
            else:
                includes.append((int(number) - 1, pattern))
        return cls(main, texts, tuple(includes))

    def settings(self, edit: SshEdit) -> Iterator[tuple[str, SshLine]]:
        """Yield the settings of the keyword in its section, with their files, as they are read."""
        for path in self._read_with(""):
            if isinstance(path, str):
                found = settings_of(self.texts[path])
                yield from ((path, setting) for setting in found if edit.is_in(setting))
            elif edit.is_in(path):
                yield self.main, path

    def reads_first(self, path: str, edit: SshEdit) -> bool:
        """Return whether a file is included, or would be, before each setting of the keyword."""
        for one in self._read_with(path):
            if one == path:
                return True
            settings = settings_of(self.texts[one]) if isinstance(one, str) else [one]
            if any(edit.is_in(setting) for setting in settings):
                return False
        return False

    def _read_with(self, path: str) -> Iterator[str | SshLine]:
        """Yield the files that are included outside of sections, and the main file's settings."""
        known = {*self.texts, path} - {self.main, ""}
        for setting in settings_of(self.texts[self.main]):
            if setting.key != "include":
                yield setting
            elif not setting.section:
                for _, pattern in (one for one in self.includes if one[0] == setting.at):
                    yield from (p for p in sorted(known) if fnmatch.fnmatchcase(p, pattern))
