"""Attributes of files, by lsattr(1) and chattr(1); capabilities, by getcap(8) and setcap(8)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import LiteralString

from cookbook.provider import (
    AccessPath,
    Change,
    Command,
    Probe,
    Provider,
    Risk,
    Thing,
    file_is_on_it,
    provides,
    sh,
)
from cookbook.resources.file_attributes import FileAttributes


@dataclass(frozen=True)
class State:
    """The attributes and the capabilities of a file."""

    immutable: bool | None = None
    append_only: bool | None = None
    capabilities: str | None = None


_ASK: LiteralString = """\
p={}; [ -e "$p" ] || exit 4; [ ! -L "$p" ] || { echo 'it is a symbolic link' >&2; exit 13; }
{} || exit 4; PATH=$PATH:/usr/sbin:/sbin; a=$(lsattr -d -- "$p") || exit; echo "${a%% *}"
[ ! {} ] || { c=$(getcap -- "$p") || exit; echo "${c#"$p"}"; }
"""


@provides(FileAttributes)
class FileAttributesProvider(Provider[FileAttributes, State]):
    """Attributes and capabilities; what is not declared stays."""

    owns = False  # they are a part of a file

    def probe(self, attributes: FileAttributes) -> Sequence[Probe]:
        """Ask for attributes and capabilities, the file, and the programs."""
        path = attributes.identity
        wants = "1" if attributes.capabilities is not None else ""
        tools = sh("PATH=$PATH:/usr/sbin:/sbin; command -v {} >/dev/null", "lsattr")
        if wants:
            tools = sh("{} && command -v {} >/dev/null", tools, "setcap")
        ask = sh(_ASK.rstrip(), path, sh("({})", tools), wants)
        return [
            Probe(replace(ask, called=f"look at the attributes of {path}"), absent=4),
            Probe(sh("[ -e {} ] || exit 4", path), absent=4, loose=True),
            Probe(sh("({}) || exit 4", tools), absent=4, loose=True),
        ]

    def parse(self, attributes: FileAttributes, text: str, *_: str | None) -> State:
        """Return the state."""
        flags, _sep, capabilities = text.rstrip("\n").partition("\n")
        if not re.fullmatch(r"[-A-Za-z]{8,}", flags):
            raise ValueError("no output of lsattr")
        found = normal(capabilities.strip().removeprefix("= "))
        told = found if attributes.capabilities is not None else None
        return State("i" in flags, "a" in flags, told)

    def plan(self, attributes: FileAttributes, found: State | None) -> Change[State]:
        """Compare what is declared."""
        capabilities = attributes.capabilities
        wanted = State(
            attributes.immutable,
            attributes.append_only,
            normal(capabilities) if capabilities is not None else None,
        )
        return Change(found, wanted)

    def commands(self, name: str, change: Change[State]) -> Iterable[Command]:
        """Take the marks away, set the capabilities, and set the marks."""
        found, wanted = change.found or State(), change.wanted or State()
        before = [flag for flag, on in _marks(found) if on]
        if before:
            yield sh("chattr {} -- {}", "-" + "".join(before), name)
        if "capabilities" in change.fields:
            clear = sh('{ [ -z "$(getcap -- {})" ] || setcap -r {}; }', name, name)
            own = sh("setcap {} {}", wanted.capabilities, name)
            path = sh("PATH=$PATH:/usr/sbin:/sbin")
            yield sh("{}; {}", path, own if wanted.capabilities else clear)
        pairs = zip(_marks(found), _marks(wanted), strict=True)
        after = [flag for (flag, was), (_, on) in pairs if (was if on is None else on)]
        if after:
            yield sh("chattr {} -- {}", "+" + "".join(after), name)

    def missing(
        self, attributes: FileAttributes, text: str | None, there: str | None, tools: str | None
    ) -> Iterator[Thing]:
        """Yield the file and the programs."""
        if there is None:
            yield Thing("path", attributes.identity)
        if tools is None:
            yield Thing("tool", "lsattr" if attributes.capabilities is None else "setcap")

    def about(self, attributes: FileAttributes) -> Iterable[Thing]:
        """Yield the path: a file that is written anew has other ones."""
        return [Thing("path", attributes.identity)]

    def removes(self, attributes: FileAttributes, change: Change[State] | None) -> Iterable[Thing]:
        """Yield nothing: the file stays."""
        return []

    def lockout_risk(self, name: str, change: Change[State], way: AccessPath) -> Risk:
        """Return the risk for files of the access path."""
        return "may" if file_is_on_it(name) else "no"


def _marks(state: State) -> tuple[tuple[str, bool | None], ...]:
    return (("i", state.immutable), ("a", state.append_only))


def normal(capabilities: str) -> str:
    """
    Return capabilities in one form: getcap(8) has several.

    >>> normal("cap_net_raw,cap_chown+pe")
    'cap_chown,cap_net_raw=ep'
    """
    names, sign, flags = capabilities.replace("+", "=").partition("=")
    return ",".join(sorted(names.split(","))) + sign + "".join(sorted(flags))
