"""The queue of a host: the declared resources, in order, and the notified ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from cookbook.language.collection import Collection, Declared
from cookbook.language.lazy import with_action
from cookbook.language.provider import AnyProvider
from cookbook.language.resource import Resource
from cookbook.language.sections import Section
from cookbook.planning.decision import Decision, Item, PlannedChange
from cookbook.planning.notifications import Delayed, notified
from cookbook.planning.owed import Owed
from cookbook.planning.transaction import Transaction


class Queue:
    """The items to be done: each declared resource once, and once more per notification."""

    def __init__(
        self, collection: Collection, provider_for: Callable[[Resource], AnyProvider | None]
    ) -> None:
        """Create the queue; `provider_for` returns the provider of a resource, or None."""
        self._collection = collection
        self._provider_for = provider_for
        items = [Item(declared, declared.resource) for declared in collection]
        self.queue = [item for item in items if not item.declared.is_final]
        """The next items, in order."""
        self._at_the_end = [item for item in items if item.declared.is_final]
        """The declared items of the final stage: after all notifications."""
        self._delayed = Delayed()
        self._final = Delayed()
        """The last stage: after all delayed notifications, also those of earlier runs."""
        self._sent: set[tuple[object, ...]] = set()
        """The items of the batch whose reply is being read: they are not notified again."""
        self._elsewhere: Callable[[Declared], bool] = lambda _: False
        """Returns whether another host does a resource for this one."""
        self.ends = False
        """True if all declared resources are done, those of the final stage excepted."""
        self._done_before: set[tuple[object, ...]] = set()
        """The `before` notifications that are carried out."""

    def __bool__(self) -> bool:
        return bool(self.queue or self._delayed or self._final or self._at_the_end)

    @property
    def known(self) -> Sequence[Item]:
        """The items that are to be done as far as they are known: those of the final stage too."""
        return [*self.queue, *self._at_the_end]

    def go_on(self) -> None:
        """Move the next stage into the queue if it is empty: delayed, final, declared as final."""
        if not self.queue:
            self.ends = True
            self.queue = (self._delayed or self._final).take(self._provider_for)
        if not self.queue:
            self.queue, self._at_the_end = self._at_the_end, []

    def leave_to_others(self, elsewhere: Callable[[Declared], bool]) -> list[Declared]:
        """Drop what another host does for this one, also if it is notified; return that."""
        self._elsewhere = elsewhere
        left = [item.declared for item in self.known if elsewhere(item.declared)]
        self.queue = [item for item in self.queue if not elsewhere(item.declared)]
        self._at_the_end = [item for item in self._at_the_end if not elsewhere(item.declared)]
        return left

    def awaits(self, item: Item) -> bool:
        """Return whether the same notification waits in the queue, because of any change."""
        key = (str(item.resource), item.resource.doing[0])
        now = {(str(one.resource), one.resource.doing[0]) for one in self.queue if one.because}
        return key in now or key in self._delayed or key in self._final

    def consume(self, decisions: Iterable[Decision]) -> None:
        """Remove the items of these decisions from the queue."""
        if keys := {decision.item.key for decision in decisions}:
            self.queue = [item for item in self.queue if item.key not in keys]
            self._done_before |= keys

    def reached(self, decisions: Sequence[Decision]) -> None:
        """Remove the items that a batch has come to; immediate notices do not repeat them."""
        self.consume(decisions)
        self._sent = {decision.item.key for decision in decisions}

    def again(self, item: Item) -> None:
        """Put an item at the front of the queue for one more attempt."""
        self.queue.insert(0, replace(item, tries=item.tries + 1))

    def remember(self, planned: PlannedChange, *, at_once: bool = True) -> None:
        """
        Add the notifications of a change, and drop those that it has carried out itself.

        With `at_once` its immediate targets are put at the front, unless the batch has them.
        """
        item = planned.item
        done = planned.provider.amounts_to(planned.change)
        for stage, timing in ((self._delayed, "delayed"), (self._final, "final")):
            stage.settle(item.resource, done)
            for later in self.notified(item, timing):
                stage.add(later)
        if at_once:
            told = self.notified(item, "immediate")
            self.queue[:0] = [other for other in told if other.key not in self._sent]

    def ahead(self, item: Item) -> list[Item]:
        """Return the items that are to be done directly before the change of this one."""
        return [one for one in self.notified(item, "before") if one.key not in self._done_before]

    def waiting_for(self, item: Item) -> list[Item]:
        """Return the items whose change must not be made unless this one was done before it."""
        return [
            one
            for one in self.known
            if item.key in {first.key for first in self.notified(one, "before")}
        ]

    def sections(self, item: Item) -> tuple[Section, ...]:
        """
        Return the sections that the failure of an item belongs to.

        A notification belongs to the resource that sent it; at the end of the run to no attempt,
        because their rescues are over.
        """
        if item.because is None:
            return item.declared.sections
        source = self._collection.get(item.because)
        return source.sections if source is not None and not self.ends else ()

    def recall(self, owed: Iterable[Owed]) -> None:
        """Add the delayed notifications that an earlier run may have left undone."""
        for one in owed:
            target = self._collection.get(one.owed)
            if target is not None and self._elsewhere(target):
                continue
            if target is not None and one.action in type(target.resource).actions():
                resource = with_action(target.resource, one.action)
                stage = self._final if one.key in self._final_ones() else self._delayed
                stage.add(Item(target, resource, f"{one.because} (run {one.run})"))

    def _final_ones(self) -> set[tuple[str, str]]:
        """Return the notifications (resource, action) that the recipe declares as final."""
        told = (n for d in self._collection for n in self._collection.notices(d.resource))
        return {(notice.other, notice.action) for notice in told if notice.timing == "final"}

    def notified(self, item: Item, timing: str) -> list[Item]:
        """Return the items that a change of this item notifies with this timing."""
        told = notified(self._collection, item, timing)
        return [one for one in told if not self._elsewhere(one.declared)]

    def owed_for(self, changes: Iterable[Decision]) -> list[Item]:
        """Return the items that these changes notify, with any timing."""
        return [
            item
            for decision in changes
            for timing in ("immediate", "delayed", "final")
            for item in self.notified(decision.item, timing)
        ]

    def roused(self, links: Iterable[Transaction]) -> Iterator[Item]:
        """Yield the notified items whose probes are needed in addition to those of the queue."""
        for decision in (decision for link in links for decision in link.changes):
            if decision.item.because:
                yield decision.item
            yield from self.notified(decision.item, "delayed")
            yield from self.notified(decision.item, "final")

    def perhaps(self, decision: Decision, timing: str) -> Iterator[Decision]:
        """Yield unknown decisions for the items that an unknown change may notify."""
        for item in self.notified(decision.item, timing):
            yield from self.perhaps_one(item, decision)

    def perhaps_one(self, item: Item, source: Decision) -> Iterator[Decision]:
        """Yield the unknown decision for one of these items, and those that follow from it."""
        provider, until = self._provider_for(item.resource), source.item.resource
        told = Decision(item, "unknown", provider, None, until=until)
        yield told
        yield from self.perhaps(told, "immediate")

    def perhaps_later(self, decision: Decision) -> Iterator[Decision]:
        """Yield the same for delayed notifications, and for those that follow from them."""
        for timing in ("delayed", "final"):
            for told in self.perhaps(decision, timing):
                yield told
                yield from self.perhaps_later(told)

    def give_up(self, leaves: Callable[[Item], bool] = lambda _: True) -> list[Item]:
        """Remove and return the declared items that `leaves` names; notified ones stay."""
        left = [item for item in self.known if item.because is None and leaves(item)]
        gone = {item.key for item in left}
        self.queue = [item for item in self.queue if item.key not in gone]
        self._at_the_end = [item for item in self._at_the_end if item.key not in gone]
        return left

    def forget_the_end(self) -> None:
        """Drop all delayed notifications, because the changes that sent them were taken back."""
        self._delayed, self._final = Delayed(), Delayed()

    def leave(self) -> list[Item]:
        """Empty the queue; return the items that will not be done, delayed ones included."""
        stages = (self._delayed, self._final)
        told = (item for stage in stages for item in stage.take(self._provider_for))
        left = [*self.queue, *told, *self._at_the_end]
        self.queue, self._at_the_end = [], []
        return left
