"""Environment variables, in /etc/environment and /etc/profile.d."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cookbook.provider import Change, Probe, Thing, provides
from cookbook.providers.line_lists import LINES, LineListProvider, ListItem, key_of, lines_of
from cookbook.providers.stat import TARGET
from cookbook.resources.env_var import EnvVar


@dataclass(frozen=True)
class State(ListItem):
    """A variable."""

    value: str = ""


@provides(EnvVar)
class EnvVarProvider(LineListProvider[EnvVar, State]):
    """A variable is known by its name; the last line of it counts."""

    def probe(self, variable: EnvVar) -> Sequence[Probe]:
        """Ask for the lines of the variable, and for the folder."""
        pattern = rf"^[[:space:]]*(export[[:space:]]+)?{variable.key}="
        folder = variable.path.rpartition("/")[0]
        return [
            LINES.about(key_of(variable.path, pattern)),
            TARGET.about(folder, loose=True),
        ]

    def parse(self, variable: EnvVar, text: str, _folder: str | None) -> State | None:
        """Return the value in the last line."""
        for line in reversed(lines_of(text)):
            raw = line.partition("=")[2]
            value = _plain(raw) if variable.target == "environment" else _of_shell(raw)
            return State(variable.path, line, own=_own(variable), value=value)
        return None

    def plan(self, variable: EnvVar, found: State | None) -> Change[State]:
        """Compare the value."""
        if variable.action == "delete":
            return Change(found, None)
        return Change(found, State(variable.path, own=_own(variable), value=variable.text))

    def line(self, name: str, found: State | None, wanted: State) -> str:
        """Return the assignment."""
        path, _, key = name.rpartition(":")
        value = wanted.value
        if path == "/etc/environment":
            plain = re.fullmatch(r"[A-Za-z0-9_@%+=:,./~-]*", value)
            return f"{key}={value}" if plain else f'{key}="{value}"'
        return f"export {key}={shlex.quote(value)}"

    def missing(self, variable: EnvVar, _text: str | None, folder: str | None) -> Iterable[Thing]:
        """Yield the folder of the file."""
        if folder is None and variable.action == "create":
            yield Thing("path", variable.path.rpartition("/")[0])

    def about(self, variable: EnvVar) -> Iterable[Thing]:
        """Yield the file: it may be written as a whole by another resource."""
        return [Thing("path", variable.path)]


def _own(variable: EnvVar) -> bool:
    return variable.target == "profile"


def _plain(text: str) -> str:
    """Return a value as pam_env(8) reads it: without quotes at its ends."""
    text = text.strip()
    return re.sub(r"^[\"']|[\"']$", "", text) if text[:1] in ("'", '"') else text


def _of_shell(text: str) -> str:
    """Return a value as sh(1) reads it; as it is written if it is more than quoted text."""
    try:
        words = shlex.split(text, comments=True)
    except ValueError:
        return text
    return words[0] if words else ""
