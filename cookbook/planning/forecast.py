"""The forecast: the effects of planned changes on the resources after them in the plan."""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from cookbook.language.change import Change
from cookbook.language.lazy import NotKnownYet
from cookbook.language.probe import Thing
from cookbook.language.provider import AnyProvider
from cookbook.language.resource import Resource
from cookbook.language.sections import ParallelBlock


@dataclass(frozen=True)
class Pending:
    """An earlier change that is not made yet; `change` is None if it is itself unknown."""

    resource: Resource
    provider: AnyProvider | None
    change: Change[Any] | None
    until: Resource | None = None
    """The resource that has to be done before the result is known."""

    failed: bool = False
    """True if it was tried and has failed, or was left out: its effects do not come."""

    block: ParallelBlock | None = None
    """The parallel block in which it is declared: it is independent of the others in it."""

    @property
    def may_bring_anything(self) -> bool:
        """True if it may create things that it does not name."""
        return self.provider is None or self.provider.brings_anything(self.resource.identity)

    @property
    def alters(self) -> Iterable[Thing]:
        """The things that it modifies."""
        with contextlib.suppress(NotKnownYet):
            return list(self.provider.alters(self.resource, self.change)) if self.provider else ()
        return ()

    @property
    def removes(self) -> Iterable[Thing]:
        """The things that it removes."""
        with contextlib.suppress(NotKnownYet):
            return list(self.provider.removes(self.resource, self.change)) if self.provider else ()
        return ()

    @property
    def brings(self) -> Iterable[Thing]:
        """The things that exist after it."""
        if self.provider is None or self.change is None:
            return ()
        return self.provider.brings(self.resource.identity, self.change)

    @functools.cached_property
    def names(self) -> frozenset[str]:
        """The names of its things in shell text; those of units also without the suffix."""
        things = [*self.alters, *self.removes, *self.brings]
        units = {t.name.rpartition(".")[0] for t in things if t.kind == "unit"}
        return frozenset({self.resource.identity, *(t.name for t in things), *units}) - {"/", ""}

    @property
    def root(self) -> Resource:
        """The resource that makes others unknown: that for which an unknown one itself waits."""
        return (self.until if self.change is None else None) or self.resource

    def needs(self, name: str) -> bool:
        """Return whether it needs the thing of this name itself, and so does not create it."""
        if self.provider is None or self.resource.lazies is not None:
            return False
        return any(thing.name == name for thing in needs_of(self.provider, self.resource))

    @property
    def may_create_anything(self) -> bool:
        """True if it may create things that it does not name: a package, but no command."""
        creates = self.change is None or self.change.kind in ("create", "update")
        return self.may_bring_anything and creates and not self.failed

    @property
    def may_take_anything(self) -> bool:
        """True if it may remove things that it does not name: the removal of a package."""
        if self.change is None or self.change.kind != "remove":
            return False
        return self.provider is None or self.provider.takes_anything(self.resource.identity)


@dataclass
class Forecast:
    """The planned changes before a resource, and their effects."""

    _pending: list[Pending] = field(default_factory=list)
    _brought: dict[Thing, int] = field(default_factory=dict)
    """Thing -> the number of the change that creates it, to compare with that in `_gone`."""

    _altered: dict[Thing, int] = field(default_factory=dict)
    _gone: dict[Thing, int] = field(default_factory=dict)
    _own: dict[str, list[Pending]] = field(default_factory=dict)
    """Resource, as text -> its own changes."""

    _unknown: list[Pending] = field(default_factory=list)
    _takers: list[Pending] = field(default_factory=list)

    def add(self, pending: Pending) -> None:
        """Add the next change."""
        number = len(self._pending)
        self._pending.append(pending)
        self._own.setdefault(str(pending.resource), []).append(pending)
        self._unknown += [pending] if pending.change is None else []
        self._takers += [pending] if pending.may_take_anything else []
        self._altered |= dict.fromkeys(pending.alters, number)
        self._gone |= dict.fromkeys(pending.removes, number)
        self._brought |= dict.fromkeys(pending.brings, number)

    def brings(self, thing: Thing) -> bool:
        """Return whether an earlier change certainly creates a thing, and no later removes it."""
        return thing in self._brought and self._is_gone(thing) is None

    def concerns(self, thing: Thing) -> Resource | None:
        """Return the resource of the last change that creates, modifies or removes a thing."""
        known = (self._brought, self._altered, self._gone)
        last = max((one[thing] for one in known if thing in one), default=None)
        return self._pending[last].resource if last is not None else None

    def outdates(self, provider: AnyProvider, resource: Resource) -> Resource | None:
        """
        Return the resource whose change makes the answers about this one stale, or None.

        Changes of the things that the resource needs count as well. An earlier change of the
        resource itself does not count if it is known; that is a circle of notifications.
        """
        if not self._pending:
            return None
        for thing in provider.about(resource):
            for number in self._numbers(thing, self._altered):
                if not self._is_own(number, resource):
                    pending = self._pending[number]
                    own = str(pending.resource) == str(resource)
                    return (own and pending.until) or pending.root
        if provider.after_anything:
            for pending in reversed(self._pending):
                if pending.may_bring_anything:
                    return pending.root
        needs = list(needs_of(provider, resource))
        for thing in needs:
            if (gone := self._is_gone(thing)) is not None:
                return self._pending[gone].root
        named = {resource.identity, *(thing.name for thing in needs)}
        return next(filter(None, map(self._may_take, named)), None)

    def states(self, things: Iterable[Thing]) -> Mapping[Thing, Any]:
        """Return the states that known changes will lead to, of these things."""
        found: dict[Thing, Any] = {}
        for thing in things:
            change = self._pending[self._altered[thing]].change if thing in self._altered else None
            if change is not None and change.wanted is not None:
                found[thing] = change.wanted
        return found

    def brings_it(self, provider: AnyProvider, resource: Resource) -> Resource | None:
        """Return the resource whose change creates, or may create, the absent thing; or None."""
        for thing in provider.about(resource):
            number = self._brought.get(thing)
            if number is not None and not self._is_own(number, resource):
                return self._pending[number].resource
            if (other := self._may_make(thing.name)) and str(other) != str(resource):
                return other
        return None

    def foreseen(self, resource: Resource, found: Any) -> Any:
        """Return the state of a resource after its own earlier changes, for its notification."""
        for pending in self._own.get(str(resource), ()):
            if pending.change is not None:
                found = _after(found, pending.change.wanted)
        return found

    def may_bring(self, name: str = "") -> Resource | None:
        """
        Return the resource whose change may create the missing thing of this name, or None.

        A resource with a similar name is preferred, then the latest one.
        """
        if other := self._may_make(name):
            return other
        able = [p.resource for p in self._pending if p.may_bring_anything]
        akin = [resource for resource in able if _words(name) & _words(resource.identity)]
        akin = akin or [resource for resource in able if _contains(resource.identity, name)]
        return next(reversed(akin or able), None)

    def may_create(self, name: str) -> Resource | None:
        """
        Return the latest resource whose change may create an absent thing that is named after it.

        A package may, without naming it: its files, its units, its accounts. Nothing on the host
        tells what a package has in it, so a thing of another name is taken for unrelated.
        """
        able = (p.resource for p in reversed(self._pending) if p.may_create_anything)
        return next((one for one in able if mentions(name, one.identity)), None)

    def touches(self, text: str, block: ParallelBlock | None = None) -> Resource | None:
        """
        Return the resource whose change may influence the shell text of a guard, or None.

        A change of the same parallel block influences it only by the things that it names.
        """
        for pending in reversed(self._pending):
            beside = block is not None and pending.block == block
            anything = pending.may_bring_anything and not (pending.failed or beside)
            if anything or any(mentions(text, name) for name in pending.names):
                return pending.resource
        return None

    def _may_make(self, name: str) -> Resource | None:
        """
        Return the resource whose change may make the thing of this name, or a path below it.

        Return the one that this change itself waits for, if any: both are known after it. What
        needs the thing itself does not make it.
        """
        for pending in reversed(self._unknown):
            if _is_in(name, pending.resource.identity) and not pending.needs(name):
                return pending.root
        return None

    def _is_own(self, number: int, resource: Resource) -> bool:
        pending = self._pending[number]
        return pending.change is not None and str(pending.resource) == str(resource)

    def _is_gone(self, thing: Thing) -> int | None:
        """Return the number of the change that removes a thing finally; None if it stays."""
        gone = max(self._numbers(thing, self._gone), default=None)
        return gone if gone is not None and gone > self._brought.get(thing, -1) else None

    def _numbers(self, thing: Thing, known: dict[Thing, int]) -> Iterator[int]:
        """Yield the changes of a thing, of the trees around it, and of the things in its tree."""
        if thing.kind not in ("path", "tree"):
            yield from (known[one] for one in [thing] if one in known)
            return
        around = [Thing("tree", path) for path in _upwards(thing.name)]
        yield from (known[one] for one in [Thing("path", thing.name), *around] if one in known)
        if thing.kind == "tree":
            below = f"{thing.name}/"
            yield from (n for t, n in known.items() if t.name.startswith(below))

    def _may_take(self, name: str) -> Resource | None:
        """Return the package whose removal may remove things of a similar name as well, or None."""
        for pending in self._takers:
            if _words(name) & _words(pending.resource.identity):
                return pending.resource
        return None


class NoForecast(Forecast):
    """A forecast that expects nothing: each resource is judged by the present state alone."""

    def add(self, pending: Pending) -> None:
        """Ignore the change."""


def needs_of(provider: AnyProvider, resource: Resource) -> Iterable[Thing]:
    """Return the things that a change needs: those that are missing if every answer is absent."""
    asked = provider.probe(resource)
    count = len(asked) if isinstance(asked, list | tuple) else 1
    return provider.missing(resource, *[None] * count)


def _after(found: Any, wanted: Any) -> Any:
    """Return the state after a change: a field that is None in `wanted` is left as found."""
    if found is None or wanted is None:
        return wanted
    kept = {f.name: getattr(found, f.name) for f in fields(wanted) if f.compare}
    return replace(wanted, **{n: v for n, v in kept.items() if getattr(wanted, n) is None})


def _upwards(path: str) -> Iterator[str]:
    """
    Yield a path and the folders that contain it, without `/`.

    >>> list(_upwards("/a/b"))
    ['/a/b', '/a']
    """
    while path:
        yield path
        path = path.rpartition("/")[0]


def _is_in(name: str, identity: str) -> bool:
    return bool(name) and (identity == name or identity.startswith(f"{name}/"))


def _words(name: str) -> set[str]:
    """
    Return the words of a name.

    >>> sorted(_words("/etc/nginx/conf.d"))
    ['conf', 'd', 'etc', 'nginx']
    """
    return set(re.split(r"[^A-Za-z0-9]+", name)) - {""}


_COMMON = frozenset({"etc", "usr", "var", "lib", "share", "opt", "srv", "run", "conf", "local"})


def _contains(identity: str, name: str) -> bool:
    """
    Return whether a word of the name is a part of an identity.

    >>> _contains("openssh-server", "/etc/ssh/sshd_config.d")
    True
    """
    return any(len(w) > 2 and w in identity.lower() for w in _words(name.lower()) - _COMMON)


def mentions(text: str, identity: str) -> bool:
    """Return whether shell text contains a name as a separate word or path."""
    return re.search(rf"(?<![\w.-]){re.escape(identity)}(?![\w-])", text) is not None
