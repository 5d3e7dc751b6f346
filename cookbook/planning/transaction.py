"""Transactions: adjacent changes that are made together, and the resources before them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cookbook.language.change import Change
from cookbook.language.provider import AnyProvider
from cookbook.planning.decision import Decision, PlannedChange
from cookbook.planning.independence import Footprint, may_run_beside
from cookbook.script.program import ANSWER_TIMEOUT, Do, Part
from cookbook.script.run_as import called
from cookbook.script.shell import Command, sh

MOST_BESIDE = 32
"""The maximum number of changes of a parallel block in one transaction: each is compared with all
others, and names them in reports."""


@dataclass
class Transaction:
    """Changes that are made together, and the decisions that must still hold for them."""

    gap: list[Decision]
    """The decisions `ok` between the transaction before and this one; part of the precondition."""

    changes: list[PlannedChange]

    beside: Sequence[str] = ()
    """The resources whose changes run at the same time, if this is one of several that do."""

    _footprints: dict[int, Footprint] = field(default_factory=dict, repr=False, compare=False)
    """Those of its changes, by their ids, as far as they were compared with others."""

    @property
    def provider(self) -> AnyProvider:
        """The provider of the changes."""
        return self.changes[0].provider

    @property
    def is_parallel(self) -> bool:
        """True if its changes run at the same time, each with a result of its own."""
        return len(self.changes) > 1 and may_run_beside(self.changes[0])

    @property
    def at_once(self) -> int:
        """The number of changes that run at the same time."""
        block = self.changes[0].item.declared.parallel
        return block.at_once if block is not None else 1

    def admits_beside(self, planned: PlannedChange, gap: Sequence[Decision] = ()) -> bool:
        """
        Return whether a change can run at the same time as those of this transaction.

        `gap` are the decisions between them: all are of the same parallel block then.
        """
        block = planned.item.declared.parallel
        one = self.changes[0].item.declared.parallel
        if block is None or block != one or any(v.item.declared.parallel != block for v in gap):
            return False
        if len(self.changes) == MOST_BESIDE:
            return False
        if not (may_run_beside(self.changes[0]) and may_run_beside(planned)):
            return False
        new = Footprint.of(planned)
        return all(new.is_independent_of(self._footprint(other)) for other in self.changes)

    def _footprint(self, planned: PlannedChange) -> Footprint:
        if id(planned) not in self._footprints:
            self._footprints[id(planned)] = Footprint.of(planned)
        return self._footprints[id(planned)]

    def apart(self) -> Iterator[Transaction]:
        """Yield its changes as transactions of their own, after they have run in parallel."""
        names = [str(one.resource) for one in self.changes]
        for i, planned in enumerate(self.changes):
            beside = [*names[:i], *names[i + 1 :]]
            yield Transaction(self.gap if i == 0 else [], [planned], beside)

    def admits(self, planned: PlannedChange) -> bool:
        """
        Return whether an adjacent change can be part of this transaction.

        A resource with `ignore_failure`, `retries` or `until` is never joined with others, so that
        its failure does not affect them; neither are those of different parts of an attempt.
        """
        if self.is_parallel:
            return False
        resources = [one.resource for one in (*self.changes, planned)]
        if any(one.ignore_failure or one.retries or one.until for one in resources):
            return False
        if planned.item.declared.sections != self.changes[0].item.declared.sections:
            return False
        if len({resource.become_user for resource in resources}) > 1:
            return False
        if planned.provider is not self.provider:
            return False
        return self.provider.together(_pairs([*self.changes, planned])) is not None

    def commands(self) -> Sequence[Command]:
        """Return the commands that make the changes."""
        pairs = _pairs(self.changes)
        if len(pairs) > 1 and (joint := self.provider.together(pairs)) is not None:
            return list(joint)
        return [command for one in self.changes for command in one.commands]

    @property
    def user(self) -> str | None:
        """The user that makes the changes; None for the user that the run acts as."""
        return self.changes[0].resource.become_user

    @property
    def work(self) -> list[Part]:
        """The commands that make the changes, as parts of a program."""
        commands = self.commands()
        if self.user is not None:
            commands = [replace(c, called=called(self.user, c)) for c in commands]
        work = [Do(command, self.limit, user=self.user, traced=True) for command in commands]
        return [*work, *map(self._waiting, filter(_waits, self.changes))]

    def _waiting(self, planned: PlannedChange) -> Do:
        """Return the question of `until`, repeated on the host until it succeeds."""
        resource = planned.resource
        tries, delay = resource.retries, resource.retry_delay
        command = sh(
            "n={}; while :; do said=$(eval {} 2>&1) && break; s=$?;"
            ' [ "$n" -gt 0 ] || { printf "%s\\n" "$said" >&2; exit $s; };'
            " n=$((n - 1)); sleep {}; done",
            str(tries),
            resource.until,
            f"{delay:g}",
        )
        limit = (tries + 1) * ANSWER_TIMEOUT + tries * delay
        return Do(replace(command, called=f"until {resource.until}"), limit, user=self.user)

    @property
    def limit(self) -> float:
        """Seconds that each of its commands may take; all of them if they run in parallel."""
        if not self.is_parallel:
            return max((self.provider.limit(one.change) for one in self.changes), default=0.0)
        limits = [one.provider.limit(one.change) * len(one.commands) for one in self.changes]
        longest = max(limits)
        waits = (sum(limits) - longest) / self.at_once if len(limits) > self.at_once else 0.0
        return longest + waits

    def contents(self) -> Mapping[str, bytes]:
        """Return the bytes that the commands read: digest -> content."""
        return {
            digest: content
            for one in self.changes
            for digest, content in one.provider.contents(one.resource).items()
        }


def _waits(planned: PlannedChange) -> bool:
    """Return whether `until` holds for a change; an undo or a removal is not what it waits for."""
    return planned.resource.until is not None and planned.goal is None


def _pairs(changes: Sequence[PlannedChange]) -> list[tuple[str, Change[Any]]]:
    return [(one.name, one.change) for one in changes]
