"""
The manifest of a host: what we created there, and what we only keep in line.

It is kept on the host, a file for each set of recipes, so that two sets on one host know of
each other and leave each other's things alone. A line is added in the same chain as the
change that it tells of; the last line about a thing counts. What could not be written down
is taken for something that was there before: it is never removed.

What a change has to be followed by (a restart) is noted in the same way before it is done,
and when it is: a run that fails or is killed in between leaves a note to the next one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from cookbook.language.change import Change
from cookbook.language.collection import Declared
from cookbook.language.probe import Probe
from cookbook.language.provider import AnyProvider
from cookbook.language.resource import Resource
from cookbook.language.resource_json import brief
from cookbook.planning.decision import Decision, Item
from cookbook.planning.owed import Owed
from cookbook.script.shell import Command, sh
from cookbook.secrets.secret import holds_secret

QUESTION = Probe(
    sh(
        'cd "$cook_home/manifest" 2>/dev/null || exit 0; for f in *; do'
        ' [ ! -f "$f" ] || { printf "\\n@%s\\n" "$f" && cat -- "$f"; }; done'
    )
)
"""All manifests of a host: `@SET`, then a line of JSON for each thing."""


_SLACK = 100
"""Lines more than things, before a manifest is written anew."""


T = TypeVar("T")


Key = tuple[str, str]
"""The provider and the identity: what a thing is, whatever it is called in the recipe."""


@dataclass(frozen=True)
class Entry:
    """One thing on a host."""

    provider: str
    identity: str
    own: bool
    """Whether we created it."""

    resource: dict[str, Any]
    where: str
    """The line that declared it last."""

    run: str
    """The run that wrote this down."""

    gone: bool = False

    @property
    def key(self) -> Key:
        """What it is."""
        return self.provider, self.identity

    @property
    def line(self) -> str:
        """As it is written."""
        return json.dumps(vars(self), separators=(",", ":"))


@dataclass
class Manifest:
    """What a host knows of the things that recipes have declared there."""

    name: str
    """The set of recipes that is at work."""

    run: str
    known: Callable[[Resource], bool]
    """Whether others know its word: a line about it would tell them nothing otherwise."""

    _sets: dict[str, dict[Key, Entry]] = field(default_factory=dict)
    _lines: int = 0
    _new: dict[Key, Entry] = field(default_factory=dict)
    """What is in line and not written down yet."""
    _adds: bool = False
    """Whether lines go with changes, of which nobody knows here whether they were made."""

    _owed: dict[Key, Owed] = field(default_factory=dict)
    _settled: set[Key] = field(default_factory=set)

    def read(self, text: str) -> None:
        """Take the answer to `QUESTION`; a line that is none of ours is passed over."""
        self._sets, self._lines = {}, 0
        now = ""
        for line in text.splitlines():
            if line.startswith("@"):
                now = line[1:]
            elif owed := _parsed(Owed, line):
                if now == self.name:
                    self._lines += 1
                    self._owed.pop(owed.key, None)
                    self._owed |= {} if owed.done else {owed.key: owed}
            elif entry := _parsed(Entry, line):
                self._lines += now == self.name
                self._sets.setdefault(now, {})[entry.key] = entry

    @property
    def _own(self) -> dict[Key, Entry]:
        return self._sets.setdefault(self.name, {})

    def owns(self, key: Key) -> bool:
        """Whether we created a thing, be it there or not."""
        entry = self._own.get(key)
        return entry is not None and entry.own

    @property
    def owed(self) -> Sequence[Owed]:
        """What earlier runs have left undone."""
        return list(self._owed.values())

    def notes(
        self, decisions: Sequence[Decision], owed: Iterable[Item] = (), settled: Iterable[Key] = ()
    ) -> tuple[Command | None, Command | None]:
        """
        What adds lines before and after changes are made, if there is something new.

        `owed` have to act because of them, and must not be forgotten if we are killed;
        `settled` is what the changes amount to.
        """
        return self._promise(owed), self._fact(decisions, settled)

    def _fact(self, decisions: Sequence[Decision], settled: Iterable[Key]) -> Command | None:
        lines = [entry.line for decision in decisions if (entry := self._noted(decision))]
        self._adds |= bool(lines)
        for key in settled:
            if (before := self._owed.get(key)) is not None:
                lines.append(replace(before, done=True).line)
                self._settled.add(key)
        return _append(self.name, lines) if lines else None

    def _promise(self, owed: Iterable[Item]) -> Command | None:
        lines = []
        for item in owed:
            resource, because = item.resource, item.because or ""
            new = Owed(str(resource), resource.doing[0], because, self.run)
            self._owed[new.key] = new
            self._settled.discard(new.key)
            lines.append(new.line)
        return _append(self.name, lines) if lines else None

    def _noted(self, decision: Decision) -> Entry | None:
        provider, change = decision.provider, decision.change
        if (
            provider is None
            or change is None
            or not self._written(provider, decision.item.resource)
        ):
            return None
        entry = self._about(decision.item, provider)
        before = self._own.get(entry.key)
        if not provider.there(change.wanted):
            return None if before is None or before.gone else _with(before, gone=True)
        if before is not None and not before.gone:
            return None
        if decision.goal is not None:  # an undo brings back what there was, ours or not
            return None if before is None else _with(entry, own=before.own)
        return _with(entry, own=not provider.there(change.found))

    def _written(self, provider: AnyProvider, resource: Resource) -> bool:
        """Whether it is worth a line: a thing of its own, that others can, and may, read of."""
        return provider.owns and self.known(resource) and not holds_secret(resource.identity)

    def _about(self, item: Item, provider: AnyProvider) -> Entry:
        resource = item.resource
        where = item.declared.where
        return Entry(provider.name, resource.identity, False, brief(resource), where, self.run)

    def adopt(self, declared: Declared, provider: AnyProvider, change: Change[Any]) -> None:
        """Write down, at the end, what was in line already."""
        resource = declared.resource
        if provider.there(change.wanted) and self._written(provider, resource):
            entry = self._about(Item(declared, resource), provider)
            before = self._own.get(entry.key)
            if before is None or before.gone:
                self._new[entry.key] = entry

    def rest(self) -> Command | None:
        """What is still to be written at the end of a run, if anything is."""
        lines = [entry.line for entry in self._new.values()]
        left = [one for key, one in self._owed.items() if key not in self._settled]
        lines += [replace(one, done=True).line for one in left]
        there = [entry for entry in self._own.values() if not entry.gone]
        if self._lines > len(there) + _SLACK and not self._adds:
            return _replace(self.name, [*(entry.line for entry in there), *lines])
        return _append(self.name, lines) if lines else None

    def forget(self, entries: Iterable[Entry]) -> None:
        """Write down, at the end, that these are not there any more."""
        self._new |= {entry.key: _with(entry, gone=True) for entry in entries}

    def left(self, declared: set[Key]) -> Iterator[Entry]:
        """What has left the recipes, latest first: declared by no name, in this set or another."""
        others = {
            key
            for name, entries in self._sets.items()
            if name != self.name
            for key, entry in entries.items()
            if not entry.gone
        }
        for key, entry in reversed(self._own.items()):
            if not entry.gone and key not in declared and key not in others:
                yield entry


def set_name(paths: Iterable[str]) -> str:
    """
    What a set of recipes is called on hosts, unless somebody says otherwise.

    >>> set_name(["base.py", "roles/web server.py"])
    'base+web-server'
    """
    stems = [path.rpartition("/")[2].removesuffix(".py") for path in paths]
    return "+".join(re.sub(r"[^A-Za-z0-9_.-]+", "-", stem).lstrip(".") or "_" for stem in stems)


def _with(entry: Entry, **changes: Any) -> Entry:
    return Entry(**{**vars(entry), **changes})


_KINDS: dict[type, dict[str, type]] = {
    Entry: {
        "provider": str,
        "identity": str,
        "own": bool,
        "resource": dict,
        "where": str,
        "run": str,
        "gone": bool,
    },
    Owed: {"owed": str, "action": str, "because": str, "run": str, "done": bool},
}


def _parsed(kind: type[T], line: str) -> T | None:
    """What a line says; None for one of another kind, or that is not just as we write it."""
    wanted = _KINDS[kind]
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict) or data.keys() != wanted.keys():
        return None
    fits = all(type(data[name]) is one for name, one in wanted.items())
    return kind(**data) if fits else None


def _append(name: str, lines: Sequence[str]) -> Command:
    """
    A manifest that cannot be written costs no run.

    Where a line was not written to its end, the next one still begins anew.
    """
    return sh(
        '{ (umask 077; [ -d "$cook_home/manifest" ] || mkdir -p -- "$cook_home/manifest";'
        ' cd "$cook_home/manifest" && f={}; [ -z "$(tail -c 1 -- "$f")" ] || echo >>"$f";'
        ' printf "%s\\n" {} >>"$f") || :; } 2>/dev/null',
        name,
        list(lines),
    )


def _replace(name: str, lines: Sequence[str]) -> Command:
    return sh(
        '{ (umask 077; cd "$cook_home/manifest" && t=.$cook_nonce && { printf "%s\\n" {} >"$t" &&'
        ' mv -f -- "$t" {} || rm -f -- "$t"; }) || :; } 2>/dev/null',
        list(lines) or [""],
        name,
    )
