"""The formats of configuration files: a setting is found and changed, all other lines stay."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from cookbook.providers import structured
from cookbook.resources.config_value import STRUCTURED, keys_of


class Found(NamedTuple):
    """A setting in the lines of a file."""

    at: int
    """Number of its line, from 0; where it would be inserted if it is absent."""

    raw: str | None
    """Its line without the line break; None if it is absent."""

    value: str | None

    others: tuple[tuple[int, str], ...] = ()
    """Lines of the same setting that do not count, with their numbers."""


class SettingPlace(NamedTuple):
    """The place of a setting in a file."""

    form: str
    """The format: ini, shell, words, json, yaml or toml."""

    section: str | None
    key: str


def find(place: SettingPlace, text: str) -> Found:
    """Return the line that counts for a setting, and those that would count without it."""
    if place.form in STRUCTURED:
        return Found(0, None, structured.find_value(place.form, keys_of(place.key), text))
    lines = _lines(text)
    bare = [line.removesuffix("\r") for line in lines]  # a line may end with CR LF
    numbers, after = _FIND[place.form](bare, place.section, place.key)
    if not numbers:
        return Found(after, None, None)
    at = numbers[0 if place.form == "words" else -1]
    others = tuple((number, lines[number]) for number in numbers if number != at)
    return Found(at, lines[at], _VALUE[place.form](bare[at], place.key), others)


def edited(text: str, place: SettingPlace, value: str | None, raw: str | None = None) -> str:
    """
    Return the text with another value; None removes all lines of the setting.

    `raw` is the line to restore; without it an existing line keeps its indent and its separator.
    """
    if place.form in STRUCTURED:
        keys = keys_of(place.key)
        if value is None:
            return structured.without_value(place.form, keys, text)
        return structured.with_value(place.form, keys, json.loads(value), text)
    lines, section = _lines(text), place.section
    found = find(place, text)
    if value is None:
        gone = {number for number, _ in found.others} | ({found.at} if found.raw else set())
        return _text([line for i, line in enumerate(lines) if i not in gone], text)
    end = _end_of(found.raw if found.raw is not None else (lines or [""])[0])
    before = found.raw.removesuffix("\r") if found.raw is not None else None
    new = raw if raw is not None else _FORMATTED[place.form](before, place.key, value) + end
    if found.raw is not None:
        lines[found.at] = new
    elif heading := headings(place, text):
        lines += [*([end] * (heading - 1)), f"[{section}]{end}", new]
    else:
        lines.insert(found.at, new)
    return _text(lines, text)


def headings(place: SettingPlace, text: str) -> int:
    """Return the lines that are added with a setting: its section, and an empty line before."""
    lines, section = _lines(text), place.section
    if section is None or any(_section(line) == section for line in lines):
        return 0
    return 2 if lines and lines[-1].removesuffix("\r") else 1


def without_heading(text: str, section: str | None, count: int) -> str:
    """Return the text without an empty section that was added before, with `count` lines."""
    lines = _lines(text)
    for at in [i for i, line in enumerate(lines) if count and _section(line) == section]:
        last = at + 1 == len(lines) or _section(lines[at + 1]) is not None
        first = at + 1 - count
        if last and (count == 1 or (at and not lines[first].removesuffix("\r"))):
            del lines[first : at + 1]
            break
    return _text(lines, text)


def inserted(text: str, removed: Sequence[tuple[int, str]]) -> str:
    """Return the text with lines that were removed before, at their old numbers if there are."""
    lines = _lines(text)
    for at, raw in sorted(removed):
        lines.insert(min(at, len(lines)), raw)
    return _text(lines, text)


def _lines(text: str) -> list[str]:
    return text.removesuffix("\n").split("\n") if text else []


def _text(lines: Sequence[str], before: str) -> str:
    """Return the text; its last line ends as that of the text before."""
    text = "".join(f"{line}\n" for line in lines)
    return text if not before or before.endswith("\n") else text.removesuffix("\n")


def _end_of(line: str) -> str:
    return "\r" if line.endswith("\r") else ""


_LONGEST_HEADING = 1000
"""Characters of a line that may be the heading of a section."""


def _section(line: str) -> str | None:
    if len(line) > _LONGEST_HEADING:
        return None
    found = re.fullmatch(r"\s*\[(.*)\]\s*([#;].*)?", line)
    return found[1].strip() if found else None


def _in_section(lines: Sequence[str], section: str | None) -> Iterator[int]:
    now: str | None = None
    for number, line in enumerate(lines):
        if (begins := _section(line)) is not None:
            now = begins
        elif now == section:
            yield number


Numbers = tuple[list[int], int]
"""The numbers of all lines of a setting, and where it would be inserted if there is none."""


def _find_ini(lines: Sequence[str], section: str | None, key: str) -> Numbers:
    found, end = [], 0
    for number, line in enumerate(lines):
        if _section(line) == section and section is not None:
            end = number + 1
    for number in _in_section(lines, section):
        if lines[number].strip():
            end = number + 1
        if _ini_value(lines[number], key) is not None:
            found.append(number)
    return found, end


def _ini_value(line: str, key: str) -> str | None:
    match = re.fullmatch(rf"\s*{re.escape(key)}\s*[=:]\s*(.*?)\s*", line)
    return match[1] if match else None


def _find_shell(lines: Sequence[str], _section: str | None, key: str) -> Numbers:
    return [i for i, line in enumerate(lines) if _shell_value(line, key) is not None], len(lines)


def _shell_value(line: str, key: str) -> str | None:
    match = re.fullmatch(rf"\s*(?:export\s+)?{key}=(.*)", line)
    return _unquoted(match[1]) if match else None


def _unquoted(text: str) -> str:
    """Return the value of an assignment; as it is written if it is more than quoted text."""
    if re.fullmatch(r"[\w@%+=:,./~-]*", text, re.ASCII):
        return text  # what shlex would say of it, in a hundredth of the time
    try:
        words = shlex.split(text, comments=True)
    except ValueError:
        return text
    return words[0] if words else ""


def _find_words(lines: Sequence[str], _section: str | None, key: str) -> Numbers:
    found: list[int] = []
    for number, line in enumerate(lines):
        if re.match(r"\s*(match|host)\s", line, re.IGNORECASE):
            return found, number
        if _words_value(line, key) is not None:
            found.append(number)
    return found, len(lines)


def _words_value(line: str, key: str) -> str | None:
    match = re.fullmatch(rf"\s*{key}(?:\s+|\s*=\s*)(.*?)\s*", line, re.IGNORECASE)
    return match[1] if match else None


def _ini_line(raw: str | None, key: str, value: str) -> str:
    before = re.match(r"\s*[^=:]*[=:]\s*", raw) if raw is not None else None
    return f"{before[0] if before else f'{key} = '}{value}"


def _shell_line(raw: str | None, key: str, value: str) -> str:
    before = re.match(r"\s*(export\s+)?", raw or "")
    return f"{before[0] if before else ''}{key}={shlex.quote(value)}"


def _words_line(raw: str | None, key: str, value: str) -> str:
    before = re.match(rf"\s*{key}(\s+|\s*=\s*)", raw, re.IGNORECASE) if raw is not None else None
    return f"{before[0] if before else f'{key} '}{value}"


_FIND = {"ini": _find_ini, "shell": _find_shell, "words": _find_words}
_VALUE = {"ini": _ini_value, "shell": _shell_value, "words": _words_value}
_FORMATTED = {"ini": _ini_line, "shell": _shell_line, "words": _words_line}
