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
    """A resource in the queue: as declared, or with the action that a notification requests."""

    declared: Declared
    resource: Resource
    because: str | None = None
    """The resource that notified it, as text; None if it is declared."""

    before: frozenset[tuple[str, str]] = frozenset()
    """The notifications that led to it: (resource, action). None is repeated: a circle ends."""

    tries: int = 0

    @functools.cached_property
    def key(self) -> tuple[object, ...]:
        """A key that is unique in the run of a host."""
        return str(self.resource), self.resource.doing, self.because, self.before


@dataclass(frozen=True)
class Decision:
    """The result of the planner for one item."""

    item: Item
    status: Literal["ok", "skipped", "change", "unknown", "failed"]
    provider: AnyProvider | None = None
    change: Change[Any] | None = None
    probes: Sequence[Probe] = ()
    until: Resource | None = None
    """The resource that has to be done before the result is known."""

    error: HostError | None = None
    orphan: Literal["created", "adopted"] | None = None
    """For an orphan: whether cook created the thing, or found it and kept it in line."""

    goal: Callable[[Any], Change[Any]] | None = None
    """Returns the change that is still needed for a state, if the goal is not the resource."""
