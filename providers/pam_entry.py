"""Entries of files in /etc/pam.d, as pam.d(5) reads them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, LiteralString

from cookbook.errors import HostError
from cookbook.provider import Change, Command, Probe, Thing, provides, sh
from cookbook.providers.text_edits import (
    TextEditProvider,
    TextState,
    bare,
    lines_of,
    text_with,
)
from cookbook.resources.pam_entry import PamEntry


@dataclass(frozen=True)
class State(TextState):
    """An entry."""

    control: str | None = None
    arguments: tuple[str, ...] | None = None
    placed: bool | None = None
    """True if it is where it must be, after or before another one."""


@dataclass(frozen=True)
class _Entry:
    """One line of the file."""

    at: int
    type: str
    """Empty for an `@include`, which may have entries of each type."""
    control: str
    module: str
    """For an `@include` the name of the file."""
    arguments: tuple[str, ...] = ()
    silent: bool = False

    def is_of(self, kind: str) -> bool:
        return self.type in ("", kind)


_LINE = re.compile(
    r"\s*(?P<silent>-?)(?P<type>auth|account|password|session)\s+"
    r"(?P<control>\[[^\]]*\]|\S+)\s+(?P<module>\S+)(?P<rest>[^#]*)(#.*)?",
    re.IGNORECASE,
)
_INCLUDE = re.compile(r"\s*@include\s+(\S+).*")
_WORD = re.compile(r"\[[^\]]*\]|\S+")

_MODULE: LiteralString = (
    "for d in /lib/security /usr/lib/security /lib/*/security /usr/lib/*/security /lib64/security;"
    ' do [ ! -e "$d"/{} ] || exit 0; done; exit 4'
)


@provides(PamEntry)
class PamEntryProvider(TextEditProvider[PamEntry, State]):
    """An entry is known by type and module; of several the one that is as declared counts."""

    def probe(self, entry: PamEntry) -> Sequence[Probe]:
        """Ask for the file, and for the module."""
        if entry.module.startswith("/"):
            module = sh("[ -e {} ] || exit 4", entry.module)
        else:
            module = sh(_MODULE, entry.module)
        asked = replace(module, called=f"look for {entry.module}")
        return [*super().probe(entry), Probe(asked, absent=4, loose=True)]

    def path(self, entry: PamEntry) -> str:
        """Return the path of the file."""
        return entry.path

    def plan(self, entry: PamEntry, found: State | None) -> Change[State]:
        """Compare the entry; refuse an edit that locks out."""
        change = super().plan(entry, found)
        before = found.text if found is not None else None
        if before is not None and change.needed:
            after = self.without(entry, before) if change.wanted is None else change.wanted.text
            _refuse(str(entry), before, after or "")
        return change

    def together(self, changes: Sequence[tuple[str, Change[State]]]) -> Sequence[Command] | None:
        """Return one command; an edit that locks out is refused in an undo and a removal, too."""
        first = changes[0][1]
        base = first.found.text if first.found is not None else None
        base = base or (first.wanted.before if first.wanted is not None else None)
        merged = self.merged([change for _, change in changes])
        if base is not None and merged is not None:
            _refuse(f"pam_entry[{changes[0][0]}]", base, merged)
        return super().together(changes)

    def read(self, entry: PamEntry, text: str) -> State | None:
        """Return the entry, and whether it is in its place."""
        own = _own(entry, text)
        if own is None:
            return None
        placed = None if entry.after is None and entry.before is None else _placed(entry, text, own)
        return State(control=own.control, arguments=own.arguments, placed=placed)

    def edit(self, entry: PamEntry, text: str) -> str:
        """Return the text with the entry, in its place."""
        lines, own = lines_of(text), _own(entry, text)
        if own is None:
            at = _place(entry, text)
            return text_with(lines, len(lines) if at is None else at, 0, [_line(entry, None)])
        new = bare(lines[own.at]) if _as_declared(entry, own) else _line(entry, own)
        if _placed(entry, text, own):
            return text if new == bare(lines[own.at]) else text_with(lines, own.at, 1, [new])
        rest = text_with(lines, own.at, 1, [])
        at = _place(entry, rest)
        lines = lines_of(rest)
        return text_with(lines, len(lines) if at is None else at, 0, [new])

    def without(self, entry: PamEntry, text: str) -> str:
        """Return the text without the entries of the module."""
        own = [e.at for e in _entries(text) if e.type == entry.type and e.module == entry.module]
        for at in reversed(own):
            text = text_with(lines_of(text), at, 1, [])
        return text

    def refuse(self, entry: PamEntry, text: str) -> None:
        """Raise HostError if there is no place, or no telling which entry is meant."""
        own = [e for e in _entries(text) if e.type == entry.type and e.module == entry.module]
        if len(own) > 1 and not any(_as_declared(entry, one) for one in own):
            raise HostError(
                f"{entry}: {entry.path} has {len(own)} entries of {entry.module}",
                hint="it is not known which one to change: change it by `line` or `replace`",
            )
        near = entry.after or entry.before
        if near is not None and not any(
            one.is_of(entry.type) and one.module == near for one in _entries(text)
        ):
            raise HostError(f"{entry}: {entry.path} has no entry {entry.type} {near}")

    def missing(
        self, entry: PamEntry, text: str | None, obstacles: str | None, *more: Any
    ) -> Iterator[Thing]:
        """Yield the file and the module: without it, no login would succeed."""
        yield from super().missing(entry, text, obstacles)
        if more[0] is None and entry.action == "create" and not entry.silent:
            yield Thing("path", entry.module)


def _entries(text: str) -> Iterator[_Entry]:
    for at, line in enumerate(lines_of(text)):
        if (found := _LINE.fullmatch(bare(line))) is not None:
            words = tuple(_WORD.findall(found["rest"]))
            kind, control = found["type"].lower(), " ".join(found["control"].split())
            yield _Entry(at, kind, control, found["module"], words, bool(found["silent"]))
        elif (included := _INCLUDE.fullmatch(bare(line))) is not None:
            yield _Entry(at, "", "@include", included[1])


def _own(entry: PamEntry, text: str) -> _Entry | None:
    """Return the entry that is as declared, else the first one of the module."""
    own = [e for e in _entries(text) if e.type == entry.type and e.module == entry.module]
    return next((one for one in own if _as_declared(entry, one)), own[0] if own else None)


def _as_declared(entry: PamEntry, own: _Entry) -> bool:
    control = " ".join(entry.control.split())
    arguments = None if entry.arguments is None else tuple(entry.arguments)
    return own.control == control and arguments in (None, own.arguments)


def _line(entry: PamEntry, own: _Entry | None) -> str:
    """Return the line of the entry."""
    arguments = entry.arguments
    if arguments is None:
        arguments = own.arguments if own is not None else ()
    kind = f"-{entry.type}" if entry.silent else entry.type
    return "\t".join([kind, " ".join(entry.control.split()), " ".join([entry.module, *arguments])])


def _place(entry: PamEntry, text: str) -> int | None:
    """Return the number of the line before which the entry goes; None: at the end."""
    own = [one for one in _entries(text) if one.is_of(entry.type)]
    near = [one.at for one in own if one.module == (entry.after or entry.before)]
    if near:
        return near[-1] + 1 if entry.after is not None else near[0]
    return own[-1].at + 1 if own else None


def _placed(entry: PamEntry, text: str, own: _Entry) -> bool:
    near = [
        one.at
        for one in _entries(text)
        if one.is_of(entry.type) and one.module == (entry.after or entry.before)
    ]
    if entry.after is not None:
        return bool(near) and near[-1] < own.at
    return entry.before is None or (bool(near) and own.at < near[0])


def _refuse(what: str, before: str, after: str) -> None:
    """Raise HostError if nothing would authenticate any more, or a jump would lead elsewhere."""
    if any(e.is_of("auth") for e in _entries(before)) and not any(
        e.is_of("auth") for e in _entries(after)
    ):
        raise HostError(
            f"{what}: the file would have no entry of the type auth: no login would succeed",
            hint="add another entry before",
        )
    jumps, then = _jumps(before), _jumps(after)
    for jump, target in jumps.items():
        if jump in then and then[jump] != target:
            raise HostError(
                f"{what}: the entry `{jump[1]}` jumps over others, and would jump to"
                f" `{then[jump]}`, not to `{target}`",
                hint="choose a place outside of the entries that it jumps over",
            )


def _jumps(text: str) -> Mapping[tuple[int, str], str]:
    """Return the entry to which each jump leads; a jump is known by its count and its line."""
    lines, found = lines_of(text), {}
    for kind in ("auth", "account", "password", "session"):
        entries = [one for one in _entries(text) if one.is_of(kind)]
        for i, one in enumerate(entries):
            for count in map(int, re.findall(r"=(\d+)\b", one.control)):
                after = entries[i + 1 + count : i + 2 + count]
                target = " ".join(lines[after[0].at].split()) if after else "the end"
                found[count, " ".join(lines[one.at].split())] = target
    return found
