"""What changes that are not made yet will bring: how a plan tells the truth."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from cookbook.provider import AnyProvider, Change, Thing
from cookbook.resource import Resource


@dataclass(frozen=True, slots=True)
class Pending:
    """A change that comes before, and is not made yet; without a change it is unknown itself."""

    resource: Resource
    provider: AnyProvider | None
    change: Change[Any] | None

    @property
    def may_bring_anything(self) -> bool:
        """Whether things nobody named may come with it."""
        return self.provider is None or self.provider.brings_anything(self.resource.identity)


@dataclass
class Forecast:
    """The changes that come before a resource."""

    _pending: list[Pending] = field(default_factory=list)
    _brought: dict[Thing, Pending] = field(default_factory=dict)

    def add(self, pending: Pending) -> None:
        """Take one more change into account."""
        self._pending.append(pending)
        if pending.provider is not None and pending.change is not None:
            brought = pending.provider.brings(pending.resource.identity, pending.change)
            self._brought |= dict.fromkeys(brought, pending)

    def brings(self, thing: Thing) -> bool:
        """Whether a change before brings this for certain."""
        return thing in self._brought

    def may_bring(self, name: str = "") -> Resource | None:
        """
        The change before that may bring whatever is missed.

        One whose name is akin to the name of what is missed is preferred to the latest.
        """
        able = [p.resource for p in self._pending if p.may_bring_anything]
        akin = [resource for resource in able if _words(name) & _words(resource.identity)]
        return next(reversed(akin or able), None)

    def touches(self, text: str) -> Resource | None:
        """The change before that the shell text of a guard may depend on."""
        for pending in reversed(self._pending):
            if pending.may_bring_anything or _names(text, pending.resource.identity):
                return pending.resource
        return None


def _words(name: str) -> set[str]:
    """
    What a name is made of.

    >>> sorted(_words("/etc/nginx/conf.d"))
    ['conf', 'd', 'etc', 'nginx']
    """
    return set(re.split(r"[^A-Za-z0-9]+", name)) - {""}


def _names(text: str, identity: str) -> bool:
    """Whether shell text names something, as a word or a path of its own."""
    return re.search(rf"(?<![\w.-]){re.escape(identity)}(?![\w-])", text) is not None
