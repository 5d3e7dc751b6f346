"""Delayed notifications: each once, at the end, in the order of their first trigger."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from cookbook.language.change import Change
from cookbook.language.collection import Collection
from cookbook.language.provider import AnyProvider
from cookbook.language.resource import Resource
from cookbook.planning.decision import Decision, Item


def notified(collection: Collection, by: Item, timing: str) -> Iterator[Item]:
    """
    Who has to act because an item has changed: the targets, with the actions asked for.

    Whoever has led to this change is not asked again, so that a circle ends.
    """
    source = by.declared.resource
    for notice in collection.notices(source):
        step = (notice.other, notice.action)
        if notice.timing == timing and step not in by.before:
            target = collection[notice.other]
            resource = replace(target.resource, action=notice.action)
            yield Item(target, resource, str(source), by.before | {step})


class Delayed:
    """What has to be done at the end."""

    def __init__(self) -> None:
        self._items: dict[tuple[str, str], Item] = {}
        self._taken: set[tuple[str, str]] = set()

    def __bool__(self) -> bool:
        return bool(self._items)

    def add(self, item: Item) -> None:
        """Remember a notification, unless the same is asked for, or was done, already."""
        key = (str(item.resource), item.resource.doing[0])
        if key not in self._taken:
            self._items.setdefault(key, item)

    def settle(self, resource: Resource, done: frozenset[str]) -> None:
        """Forget what a change of the target, made since, amounts to."""
        for action in done:
            self._items.pop((str(resource), action), None)

    def take(self, provider_for: Callable[[Resource], AnyProvider | None]) -> list[Item]:
        """All of them, without those that another one swallows: a restart reloads, too."""
        items = list(self._items.values())
        self._taken |= self._items.keys()
        self._items.clear()
        return [item for item in items if not _superseded(item, items, provider_for(item.resource))]


def amounts_to(provider: AnyProvider | None, change: Change[Any] | None) -> frozenset[str]:
    """The actions that a change has done, whoever asked for it."""
    return provider.amounts_to(change) if provider and change else frozenset()


def settled_by(changes: Sequence[Decision]) -> Iterator[tuple[str, str]]:
    """Which notifications these changes make superfluous, or carry out: who, and which action."""
    for decision in changes:
        for action in amounts_to(decision.provider, decision.change):
            yield str(decision.item.resource), action


def _superseded(item: Item, items: list[Item], provider: AnyProvider | None) -> bool:
    supersedes = provider.supersedes if provider else {}
    return any(
        item.resource.doing[0] in supersedes.get(other.resource.doing[0], ())
        for other in items
        if str(other.resource) == str(item.resource)
    )
