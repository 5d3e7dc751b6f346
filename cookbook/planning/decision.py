"""The decision about one resource: in line, to be changed, unknown, skipped or an error."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from cookbook.errors import HostError
from cookbook.language.change import Change
from cookbook.language.collection import Declared
from cookbook.language.probe import Probe
from cookbook.language.provider import AnyProvider
from cookbook.language.resource import Resource


@dataclass(frozen=True)
class Item:
    """A resource whose turn it is: as declared, or notified by another one."""

    declared: Declared
    resource: Resource
    because: str | None = None
    """Who notified it."""

    before: frozenset[tuple[str, str]] = frozenset()
    """The notifications that led to it: (resource, action); a circle of them ends here."""

    tries: int = 0

    @functools.cached_property
    def key(self) -> tuple[object, ...]:
        """Tells it from every other one of a run."""
        return str(self.resource), self.resource.doing, self.because, self.before


@dataclass(frozen=True)
class Decision:
    """What the answers say about one item."""

    item: Item
    status: Literal["ok", "skipped", "change", "unknown", "failed"]
    provider: AnyProvider | None = None
    change: Change[Any] | None = None
    probes: Sequence[Probe] = ()
    until: Resource | None = None
    """Before this one is done, nobody can know."""

    error: HostError | None = None
    orphan: Literal["created", "adopted"] | None = None
    """It has left the recipe: did we create it, or was it there before us?"""

    goal: Callable[[Any], Change[Any]] | None = None
    """What the state has to be afterwards, where that is not what the resource declares."""
