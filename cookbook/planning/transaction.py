"""Transactions: adjacent changes that are made together, and the resources before them."""

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
    """Changes that are made together, and the decisions that must still hold for them."""

    gap: list[Decision]
    """The decisions `ok` between the transaction before and this one; part of the precondition."""

    changes: list[Decision]

    @property
    def provider(self) -> AnyProvider:
        """The provider of the changes."""
        provider = self.changes[0].provider
        assert provider is not None  # noqa: S101 - a change has one
        return provider

    def admits(self, decision: Decision) -> bool:
        """
        Return whether an adjacent change can be part of this transaction.

        A resource with `ignore_failure` or `retries` is never joined with others, so that its
        failure does not affect them.
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
        """Return the commands that make the changes."""
        pairs = self._pairs(self.changes)
        if len(pairs) > 1 and (joint := self.provider.together(pairs)) is not None:
            return list(joint)
        return [c for name, change in pairs for c in self.provider.commands(name, change)]

    @property
    def user(self) -> str | None:
        """The user that makes the changes; None for the user that the run acts as."""
        return self.changes[0].item.resource.become_user

    @property
    def work(self) -> list[Part]:
        """The commands that make the changes, as parts of a program."""
        commands = self.commands()
        if self.user is not None:
            commands = [replace(c, called=called(self.user, c)) for c in commands]
        return [Do(command, self.limit, user=self.user, traced=True) for command in commands]

    @property
    def limit(self) -> float:
        """Seconds that each of its commands may take."""
        changes = [decision.change for decision in self.changes if decision.change is not None]
        return max((self.provider.limit(change) for change in changes), default=0.0)

    def contents(self) -> Mapping[str, bytes]:
        """Return the bytes that the commands read: digest -> content."""
        resources = [decision.item.resource for decision in self.changes]
        return {d: b for resource in resources for d, b in self.provider.contents(resource).items()}

    @staticmethod
    def _pairs(decisions: Sequence[Decision]) -> list[tuple[str, Change[Any]]]:
        return [(v.item.resource.identity, v.change) for v in decisions if v.change is not None]
