"""Notifications: the delayed ones are carried out once, at the end, in the order of requests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from cookbook.language.collection import Collection
from cookbook.language.lazy import with_action
from cookbook.language.provider import AnyProvider
from cookbook.language.resource import Resource
from cookbook.planning.decision import Item, PlannedChange


def notified(collection: Collection, by: Item, timing: str) -> Iterator[Item]:
    """
    Yield the targets that the change of an item notifies, with the requested actions.

    A notification that led to this change is not repeated, so that a circle ends.
    """
    source = by.declared.resource
    for notice in collection.notices(source):
        step = (notice.other, notice.action)
        if notice.timing == timing and step not in by.before:
            target = collection[notice.other]
            resource = with_action(target.resource, notice.action)
            yield Item(target, resource, str(source), by.before | {step})


class Delayed:
    """The notifications that are carried out at the end of the run."""

    def __init__(self) -> None:
        self._items: dict[tuple[str, str], Item] = {}
        self._taken: set[tuple[str, str]] = set()

    def __bool__(self) -> bool:
        return bool(self._items)

    def __contains__(self, key: tuple[str, str]) -> bool:
        return key in self._items

    def add(self, item: Item) -> None:
        """Add a notification, unless the same is waiting, or was taken already."""
        key = (str(item.resource), item.resource.doing[0])
        if key not in self._taken:
            self._items.setdefault(key, item)

    def settle(self, resource: Resource, done: frozenset[str]) -> None:
        """Drop the notifications of a resource that its own change has carried out since."""
        for action in done:
            self._items.pop((str(resource), action), None)

    def take(self, provider_for: Callable[[Resource], AnyProvider | None]) -> list[Item]:
        """Remove all; return those that no other one contains (a restart also reloads)."""
        items = list(self._items.values())
        self._taken |= self._items.keys()
        self._items.clear()
        return [item for item in items if not _superseded(item, items, provider_for(item.resource))]


def settled_by(changes: Sequence[PlannedChange]) -> Iterator[tuple[str, str]]:
    """Yield the notifications (resource, action) that these changes make superfluous."""
    for planned in changes:
        for action in planned.provider.amounts_to(planned.change):
            yield str(planned.resource), action


def _superseded(item: Item, items: list[Item], provider: AnyProvider | None) -> bool:
    supersedes = provider.supersedes if provider else {}
    return any(
        item.resource.doing[0] in supersedes.get(other.resource.doing[0], ())
        for other in items
        if str(other.resource) == str(item.resource)
    )
