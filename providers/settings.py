"""The formats of configuration files: a setting is found and changed, all other lines stay."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from typing import NamedTuple


class Found(NamedTuple):
    """A setting in the lines of a file."""

    at: int
    """Number of its line, from 0; where it would be inserted if it is absent."""

    raw: str | None
    """Its line without the line break; None if it is absent."""

    value: str | None


class SettingPlace(NamedTuple):
    """The place of a setting in a file."""

    form: str
    """The format: ini, shell or words."""

    section: str | None
    key: str


def find(place: SettingPlace, text: str) -> Found:
    """Return the line that counts for a setting."""
    return _FIND[place.form](_lines(text), place.section, place.key)


def edited(text: str, place: SettingPlace, value: str | None, raw: str | None = None) -> str:
    """
    Return the text with another value; None removes the line.

    `raw` is the line to restore; without it an existing line keeps its indent and its separator.
    """
    lines, section = _lines(text), place.section
    found = find(place, text)
    if value is None:
        del lines[found.at : found.at + (found.raw is not None)]
        return _text(lines)
    new = raw if raw is not None else _FORMATTED[place.form](found.raw, place.key, value)
    if found.raw is not None:
        lines[found.at] = new
    elif section is not None and not any(_section(line) == section for line in lines):
        lines += [*([""] if lines and lines[-1] else []), f"[{section}]", new]
    else:
        lines.insert(found.at, new)
    return _text(lines)


def inserted(text: str, at: int, raw: str) -> str:
    """Return the text with a line that was removed before, at its old number if there is one."""
    lines = _lines(text)
    lines.insert(min(at, len(lines)), raw)
    return _text(lines)


def _lines(text: str) -> list[str]:
    return text.removesuffix("\n").split("\n") if text else []


def _text(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _section(line: str) -> str | None:
    found = re.fullmatch(r"\s*\[(.*)\]\s*([#;].*)?", line)
    return found[1].strip() if found else None


def _in_section(lines: Sequence[str], section: str | None) -> Iterator[int]:
    now: str | None = None
    for number, line in enumerate(lines):
        if (begins := _section(line)) is not None:
            now = begins
        elif now == section:
            yield number


def _find_ini(lines: Sequence[str], section: str | None, key: str) -> Found:
    found, end = None, 0
    for number, line in enumerate(lines):
        if _section(line) == section and section is not None:
            end = number + 1
    for number in _in_section(lines, section):
        if lines[number].strip():
            end = number + 1
        if match := re.fullmatch(rf"\s*{re.escape(key)}\s*[=:]\s*(.*?)\s*", lines[number]):
            found = Found(number, lines[number], match[1])
    return found or Found(end, None, None)


def _find_shell(lines: Sequence[str], _section: str | None, key: str) -> Found:
    found = None
    for number, line in enumerate(lines):
        if match := re.fullmatch(rf"\s*(?:export\s+)?{key}=(.*)", line):
            found = Found(number, line, _unquoted(match[1]))
    return found or Found(len(lines), None, None)


def _unquoted(text: str) -> str:
    """Return the value of an assignment; as it is written if it is more than quoted text."""
    try:
        words = shlex.split(text, comments=True)
    except ValueError:
        return text
    return words[0] if words else ""


def _find_words(lines: Sequence[str], _section: str | None, key: str) -> Found:
    for number, line in enumerate(lines):
        if re.match(r"\s*(match|host)\s", line, re.IGNORECASE):
            return Found(number, None, None)
        found = re.fullmatch(rf"\s*{key}(?:\s+|\s*=\s*)(.*?)\s*", line, re.IGNORECASE)
        if found:
            return Found(number, line, found[1])
    return Found(len(lines), None, None)


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
_FORMATTED = {"ini": _ini_line, "shell": _shell_line, "words": _words_line}
