"""
The manifest of a host: the things that cook created there, and those it only keeps in line.

The host has one manifest file for each set of recipes, so that two sets on one host do not
remove each other's things. A line is added in the same batch as the change that it
describes; the last line about a thing counts. A thing without a line counts as one that was
there before: it is never removed.

Notifications (a restart) are noted before the change that requests them, and again when they
are done. So the next run carries out those that a failed or killed run left undone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from cookbook.language.change import Change
from cookbook.language.collection import Declared
from cookbook.language.probe import Probe
from cookbook.language.provider import AnyProvider
from cookbook.language.resource import Resource
from cookbook.language.resource_json import brief
from cookbook.planning.decision import Item, PlannedChange
from cookbook.planning.owed import Owed
from cookbook.script.shell import Command, sh
from cookbook.secrets.secret import holds_secret
from cookbook.text.bounded_io import parsed_json
from cookbook.text.json_shape import shaped

QUESTION = Probe(
    sh(
        'cd "$cook_home/manifest" 2>/dev/null || exit 0; for f in *; do'
        ' [ ! -f "$f" ] || { printf "\\n@%s\\n" "$f" && cat -- "$f"; }; done'
    )
)
"""All manifests of a host: `@SET`, then a line of JSON for each thing."""


_SLACK = 100
"""The number of superfluous lines after which a manifest is written anew."""


T = TypeVar("T")


ThingKey = tuple[str, str]
"""The provider and the identity: what a thing is, whatever it is called in the recipe."""


@dataclass(frozen=True)
class ManifestEntry:
    """One line of a manifest about a thing on a host."""

    provider: str
    identity: str
    own: bool
    """True if cook created it; False if it was there before."""

    resource: dict[str, Any]
    where: str
    """`file:line` of the recipe that declared it last."""

    run: str
    """The id of the run that wrote this line."""

    gone: bool = False

    @property
    def key(self) -> ThingKey:
        """The provider and the identity."""
        return self.provider, self.identity

    @property
    def line(self) -> str:
        """As it is written."""
        return json.dumps(vars(self), separators=(",", ":"))


@dataclass
class Manifest:
    """The manifests of a host, and the lines that a run adds to its own."""

    name: str
    """The name of the set of recipes of this run."""

    run: str
    known: Callable[[Resource], bool]
    """Returns whether other runs know the type; a line about another one would be useless."""

    _sets: dict[str, dict[ThingKey, ManifestEntry]] = field(default_factory=dict)
    _lines: int = 0
    _new: dict[ThingKey, ManifestEntry] = field(default_factory=dict)
    """Entries that the end of the run adds."""
    _adds: bool = False
    """True if lines were sent with changes; whether they were added is not known here."""

    _owed: dict[ThingKey, Owed] = field(default_factory=dict)
    _settled: set[ThingKey] = field(default_factory=set)

    def read(self, text: str) -> None:
        """Read the answer to `QUESTION`; lines in another format are ignored."""
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
            elif entry := _parsed(ManifestEntry, line):
                self._lines += now == self.name
                self._sets.setdefault(now, {})[entry.key] = entry

    @property
    def _own(self) -> dict[ThingKey, ManifestEntry]:
        return self._sets.setdefault(self.name, {})

    def has(self, key: ThingKey) -> bool:
        """Return whether a set of recipes has declared a thing that exists."""
        found = (entries.get(key) for entries in self._sets.values())
        return any(entry is not None and not entry.gone for entry in found)

    def owns(self, key: ThingKey) -> bool:
        """Return whether cook created a thing, even if it does not exist any more."""
        entry = self._own.get(key)
        return entry is not None and entry.own

    @property
    def owed(self) -> Sequence[Owed]:
        """The notifications that earlier runs left undone."""
        return list(self._owed.values())

    def notes(
        self,
        changes: Sequence[PlannedChange],
        owed: Iterable[Item] = (),
        settled: Iterable[ThingKey] = (),
    ) -> tuple[Command | None, Command | None]:
        """
        Return the commands that add lines before and after the changes; None without lines.

        `owed` are the notifications that the changes send: noted before, in case the run is
        killed. `settled` are the notifications that the changes carry out.
        """
        return self._promise(owed), self._fact(changes, settled)

    def _fact(
        self, changes: Sequence[PlannedChange], settled: Iterable[ThingKey]
    ) -> Command | None:
        lines = [entry.line for planned in changes for entry in self._noted(planned)]
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

    def revoke(self, owed: Iterable[Item]) -> Command | None:
        """Return the command that strikes out notifications whose change was never made."""
        keys = {(str(item.resource), item.resource.doing[0]) for item in owed}
        lines = [
            replace(self._owed.pop(key), done=True).line for key in sorted(keys & self._owed.keys())
        ]
        return _append(self.name, lines) if lines else None

    def _noted(self, planned: PlannedChange) -> Iterator[ManifestEntry]:
        """Yield the entries of the things that a change creates or removes."""
        provider, change = planned.provider, planned.change
        for entry, one in self._about(planned.item.declared, planned.resource, provider):
            before = self._own.get(entry.key)
            known = before is not None and not before.gone
            if not _contains(provider, change.wanted, one):
                if before is not None and not before.gone:
                    yield _with(before, gone=True)
            elif known:
                continue
            elif planned.goal is None:
                yield _with(entry, own=not _contains(provider, change.found, one))
            elif before is not None:  # an undo restores the former thing, created by cook or not
                yield _with(entry, own=before.own)

    def _about(
        self, declared: Declared, resource: Resource, provider: AnyProvider
    ) -> Iterator[tuple[ManifestEntry, Resource]]:
        """Yield an entry for each thing of a known type that can be removed and is no secret."""
        for key, one in self._things(resource, provider):
            yield self._entry(key, declared, one), one

    def _things(
        self, resource: Resource, provider: AnyProvider
    ) -> Iterator[tuple[ThingKey, Resource]]:
        if provider.owns and self.known(resource):
            for identity, one in provider.entries(resource).items():
                if not holds_secret(identity):
                    yield (provider.name, identity), one

    def _entry(self, key: ThingKey, declared: Declared, one: Resource) -> ManifestEntry:
        return ManifestEntry(*key, False, brief(one), declared.where, self.run)

    def adopt(self, declared: Declared, provider: AnyProvider, change: Change[Any]) -> None:
        """Note a thing that was in line already; it is written at the end of the run."""
        for key, one in self._things(declared.resource, provider):
            before = self._own.get(key)
            known = before is not None and not before.gone
            if not known and _contains(provider, change.wanted, one):
                self._new[key] = self._entry(key, declared, one)

    def rest(self) -> Command | None:
        """Return the command that writes the rest at the end of a run; None if there is no rest."""
        lines = [entry.line for entry in self._new.values()]
        left = [one for key, one in self._owed.items() if key not in self._settled]
        lines += [replace(one, done=True).line for one in left]
        there = [entry for entry in self._own.values() if not entry.gone]
        if self._lines > len(there) + _SLACK and not self._adds:
            return _replace(self.name, [*(entry.line for entry in there), *lines])
        return _append(self.name, lines) if lines else None

    def forget(self, entries: Iterable[ManifestEntry]) -> None:
        """Note that these do not exist any more; it is written at the end of the run."""
        self._new |= {entry.key: _with(entry, gone=True) for entry in entries}

    def left(self, declared: set[ThingKey]) -> Iterator[ManifestEntry]:
        """Yield the orphans, latest first: things that neither this nor another set declares."""
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


def _contains(provider: AnyProvider, state: Any, one: Resource) -> bool:
    """Return whether a state shows that one thing of its resource exists."""
    return provider.there(state) and provider.holds(state, one)


def _with(entry: ManifestEntry, **changes: Any) -> ManifestEntry:
    return ManifestEntry(**{**vars(entry), **changes})


def _parsed(kind: type[T], line: str) -> T | None:
    """Return the entry in a line; None if it is not exactly of this kind."""
    try:
        return shaped(kind, parsed_json(line))
    except ValueError:
        return None


def _append(name: str, lines: Sequence[str]) -> Command:
    """
    Return the command that adds lines; it succeeds even if the manifest cannot be written.

    After an incomplete line, the next one still begins on a new line.
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
