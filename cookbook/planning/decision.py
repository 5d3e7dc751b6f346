"""
The decision about one resource: in line, to be changed, unknown, skipped or an error.

A decision to change something is a `PlannedChange`: it always has a provider and a change.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from cookbook.errors import HostError
from cookbook.language.change import Change
from cookbook.language.collection import Declared
from cookbook.language.probe import Probe
from cookbook.language.provider import AnyProvider
from cookbook.language.resource import Resource
from cookbook.script.shell import Command


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
    provider: AnyProvider | None
    change: Change[Any] | None
    probes: Sequence[Probe] = ()
    until: Resource | None = None
    """The resource that has to be done before the result is known."""

    error: HostError | None = None
    left_out: str | None = None
    """The reason if it is skipped for another one than its guards: its tags are not chosen."""

    orphan: Literal["created", "adopted"] | None = None
    """For an orphan: whether cook created the thing, or found it and kept it in line."""

    foretold: str | None = None
    """The known part, if `unknown`: the id of an image that is to be pulled."""

    @property
    def is_barrier(self) -> bool:
        """True if the item stands for a barrier."""
        return self.item.declared.barrier is not None


@dataclass(frozen=True)
class PlannedChange(Decision):
    """A change that is to be made, with the provider that makes it."""

    provider: AnyProvider
    change: Change[Any]
    status: Literal["change"] = field(default="change", init=False)
    goal: Callable[[Any], Change[Any]] | None = None
    """Returns the change that is still needed for a state, if the goal is not the resource."""

    @property
    def resource(self) -> Resource:
        """The resource with the action of this change."""
        return self.item.resource

    @property
    def name(self) -> str:
        """The identity of the thing that is changed."""
        return self.item.resource.identity

    @property
    def commands(self) -> list[Command]:
        """The commands that make the change."""
        return list(self.provider.commands(self.name, self.change))

    def still_needed(self, now: Any) -> Change[Any]:
        """Return the change that is needed from the state `now`. Raises HostError."""
        return self.goal(now) if self.goal else self.provider.plan(self.resource, now)

    def ended(
        self,
        status: Literal["ok", "skipped", "unknown", "failed"],
        error: HostError | None = None,
        *,
        with_change: bool = True,
    ) -> Decision:
        """
        Return the decision that this change is not made, or was not made as planned.

        Its report shows the change unless `with_change` is false.
        """
        change = self.change if with_change else None
        return Decision(
            self.item, status, self.provider, change, self.probes, error=error, orphan=self.orphan
        )
