"""Adjacent changes that one transaction makes, and the answers they depend on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cookbook.language.change import Change
from cookbook.language.provider import AnyProvider
from cookbook.planning.decision import Decision
from cookbook.script.program import Do, Part
from cookbook.script.run_as import called
from cookbook.script.shell import Command


@dataclass
class Transaction:
    """Changes that go together, and what has to be as it was for them."""

    gap: list[Decision]
    """In line and between the link before and this one: still so?"""

    changes: list[Decision]

    @property
    def provider(self) -> AnyProvider:
        """Who makes the changes."""
        provider = self.changes[0].provider
        assert provider is not None  # noqa: S101 - a change has one
        return provider

    def admits(self, decision: Decision) -> bool:
        """
        Whether an adjacent change can go into the same transaction.

        What may fail, or is tried again, goes by itself: its failure is nobody else's.
        """
        everybody = [v.item.resource for v in (*self.changes, decision)]
        if any(resource.ignore_failure or resource.retries for resource in everybody):
            return False
        if len({resource.become_user for resource in everybody}) > 1:
            return False
        if decision.provider is not self.provider:
            return False
        return self.provider.together(self._pairs([*self.changes, decision])) is not None

    def commands(self) -> Sequence[Command]:
        """What makes the changes."""
        pairs = self._pairs(self.changes)
        if len(pairs) > 1 and (joint := self.provider.together(pairs)) is not None:
            return list(joint)
        return [c for name, change in pairs for c in self.provider.commands(name, change)]

    @property
    def user(self) -> str | None:
        """Who makes the changes on the host, where that is not the one we are there."""
        return self.changes[0].item.resource.become_user

    @property
    def work(self) -> list[Part]:
        """What makes the changes, as parts of a program."""
        commands = self.commands()
        if self.user is not None:
            commands = [replace(c, called=called(self.user, c)) for c in commands]
        return [Do(command, self.limit, user=self.user, traced=True) for command in commands]

    @property
    def limit(self) -> float:
        """Seconds each of its commands may take."""
        changes = [decision.change for decision in self.changes if decision.change is not None]
        return max((self.provider.limit(change) for change in changes), default=0.0)

    def contents(self) -> Mapping[str, bytes]:
        """The bytes its commands read."""
        resources = [decision.item.resource for decision in self.changes]
        return {d: b for resource in resources for d, b in self.provider.contents(resource).items()}

    @staticmethod
    def _pairs(decisions: Sequence[Decision]) -> list[tuple[str, Change[Any]]]:
        return [(v.item.resource.identity, v.change) for v in decisions if v.change is not None]
