"""Whose turn it is on a host: those that are declared, in order, and those that are notified."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from cookbook.language.collection import Collection
from cookbook.language.provider import AnyProvider
from cookbook.language.resource import Resource
from cookbook.planning.decision import Decision, Item
from cookbook.planning.notifications import Delayed, amounts_to, notified
from cookbook.planning.owed import Owed
from cookbook.planning.transaction import Transaction


class Queue:
    """Each that is declared has its turn once; each that is notified, once more."""

    def __init__(
        self, collection: Collection, provider_for: Callable[[Resource], AnyProvider | None]
    ) -> None:
        """`provider_for` knows who serves a resource, if anybody does."""
        self._collection = collection
        self._provider_for = provider_for
        self.queue = [Item(declared, declared.resource) for declared in collection]
        """Those whose turn is to come, in order."""
        self._delayed = Delayed()
        self._sent: set[tuple[object, ...]] = set()
        """Whose turn it was in the chain that is being read: nobody is notified twice."""

    def __bool__(self) -> bool:
        return bool(self.queue or self._delayed)

    def go_on(self) -> None:
        """Where nobody is left, it is the turn of those that were notified for the end."""
        if not self.queue:
            self.queue = self._delayed.take(self._provider_for)

    def consume(self, decisions: Iterable[Decision]) -> None:
        """Their turn is over."""
        if keys := {decision.item.key for decision in decisions}:
            self.queue = [item for item in self.queue if item.key not in keys]

    def reached(self, decisions: Sequence[Decision]) -> None:
        """The same for those that a chain has come to."""
        self.consume(decisions)
        self._sent = {decision.item.key for decision in decisions}

    def again(self, item: Item) -> None:
        """Its turn comes once more, at once."""
        self.queue.insert(0, replace(item, tries=item.tries + 1))

    def remember(self, decision: Decision, *, at_once: bool = True) -> None:
        """
        Note whom a change notifies, and what it has settled.

        Those that it notifies `at_once` come next, unless they have had their turn.
        """
        item = decision.item
        self._delayed.settle(item.resource, amounts_to(decision.provider, decision.change))
        for later in self.notified(item, "delayed"):
            self._delayed.add(later)
        if at_once:
            told = self.notified(item, "immediate")
            self.queue[:0] = [other for other in told if other.key not in self._sent]

    def recall(self, owed: Iterable[Owed]) -> None:
        """What an earlier run was to do at its end, and may not have come to."""
        for one in owed:
            target = self._collection.get(one.owed)
            if target is not None and one.action in type(target.resource).actions():
                resource = replace(target.resource, action=one.action)
                self._delayed.add(Item(target, resource, f"{one.because} (run {one.run})"))

    def notified(self, item: Item, timing: str) -> list[Item]:
        """Who has to act because of an item."""
        return list(notified(self._collection, item, timing))

    def owed_for(self, changes: Iterable[Decision]) -> list[Item]:
        """Who has to act because of changes, at once or at the end."""
        return [
            item
            for decision in changes
            for timing in ("immediate", "delayed")
            for item in self.notified(decision.item, timing)
        ]

    def roused(self, links: Iterable[Transaction]) -> Iterator[Item]:
        """Those of whom more is to be known than the queue says: notified now, or at the end."""
        for decision in (decision for link in links for decision in link.changes):
            if decision.item.because:
                yield decision.item
            yield from self.notified(decision.item, "delayed")

    def perhaps(self, decision: Decision, timing: str) -> Iterator[Decision]:
        """Whether these are notified nobody knows before that resource is done."""
        source = decision.item.resource
        for item in self.notified(decision.item, timing):
            told = Decision(item, "unknown", self._provider_for(item.resource), until=source)
            yield told
            yield from self.perhaps(told, "immediate")

    def perhaps_later(self, decision: Decision) -> Iterator[Decision]:
        """The same for the end, and for whom those notify in turn."""
        for told in self.perhaps(decision, "delayed"):
            yield told
            yield from self.perhaps_later(told)

    def give_up(self) -> list[Item]:
        """Nobody has a turn any more but those that changes before have a right to; the others."""
        left = self.queue
        self.queue = [item for item in left if item.because is not None]
        return [item for item in left if item.because is None]

    def forget_the_end(self) -> None:
        """Nobody acts at the end: the changes that were to have it so were taken back."""
        self._delayed = Delayed()

    def leave(self) -> list[Item]:
        """Whoever has not had a turn, and gets none."""
        left = [*self.queue, *self._delayed.take(self._provider_for)]
        self.queue = []
        return left
