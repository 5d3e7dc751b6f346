"""
The manifest of a host: what we created there, and what we only keep in line.

It is kept on the host, a file for each set of recipes, so that two sets on one host know of
each other and leave each other's things alone. A line is added in the same chain as the
change that it tells of; the last line about a thing counts. What could not be written down
is taken for something that was there before: it is never removed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from cookbook.chain import Item, Verdict
from cookbook.provider import AnyProvider, Change, Probe
from cookbook.recipe import Declared
from cookbook.resource import Resource
from cookbook.secret import holds_secret
from cookbook.shell import Command, sh
from cookbook.written import brief

QUESTION = Probe(
    sh(
        'cd "$cook_home/manifest" 2>/dev/null || exit 0; for f in *; do'
        ' [ ! -f "$f" ] || { printf "@%s\\n" "$f" && cat -- "$f"; }; done'
    )
)
"""All manifests of a host: `@SET`, then a line of JSON for each thing."""

_SLACK = 100
"""Lines more than things, before a manifest is written anew."""

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

    def read(self, text: str) -> None:
        """Take the answer to `QUESTION`; a line that is none of ours is passed over."""
        self._sets = {}
        now = ""
        for line in text.splitlines():
            if line.startswith("@"):
                now = line[1:]
            elif entry := _entry(line):
                self._lines += now == self.name
                self._sets.setdefault(now, {})[entry.key] = entry

    @property
    def _own(self) -> dict[Key, Entry]:
        return self._sets.setdefault(self.name, {})

    def owns(self, key: Key) -> bool:
        """Whether we created a thing, be it there or not."""
        entry = self._own.get(key)
        return entry is not None and entry.own

    def notes(self, verdicts: Sequence[Verdict]) -> Command | None:
        """What adds lines for changes that have just been made, if there is something new."""
        lines = [entry.line for verdict in verdicts if (entry := self._noted(verdict))]
        return _append(self.name, lines) if lines else None

    def _noted(self, verdict: Verdict) -> Entry | None:
        provider, change = verdict.provider, verdict.change
        if provider is None or change is None or not self._written(provider, verdict.item.resource):
            return None
        entry = self._about(verdict.item, provider)
        before = self._own.get(entry.key)
        if not provider.there(change.wanted):
            return None if before is None or before.gone else _with(before, gone=True)
        if before is not None and not before.gone:
            return None
        if verdict.goal is not None:  # an undo brings back what there was, ours or not
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
        there = [entry for entry in self._own.values() if not entry.gone]
        if self._lines > len(there) + _SLACK:
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


def _entry(line: str) -> Entry | None:
    try:
        data = json.loads(line)
        return Entry(**data)
    except (ValueError, TypeError):
        return None


def _append(name: str, lines: Sequence[str]) -> Command:
    """A manifest that cannot be written costs no run."""
    return sh(
        '{ (umask 077; [ -d "$cook_home/manifest" ] || mkdir -p -- "$cook_home/manifest";'
        ' printf "%s\\n" {} >>"$cook_home/manifest"/{}) || :; } 2>/dev/null',
        list(lines),
        name,
    )


def _replace(name: str, lines: Sequence[str]) -> Command:
    return sh(
        '{ (umask 077; cd "$cook_home/manifest" && t=.$cook_nonce && printf "%s\\n" {} >"$t" &&'
        ' mv -f -- "$t" {}) || :; } 2>/dev/null',
        list(lines) or [""],
        name,
    )
