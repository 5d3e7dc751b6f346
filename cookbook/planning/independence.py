"""The independence of changes in a parallel block: which of them can run at the same time."""

from __future__ import annotations

from dataclasses import dataclass

from cookbook.language.access_path import AccessPath
from cookbook.language.probe import Thing
from cookbook.planning.decision import PlannedChange
from cookbook.planning.forecast import Pending, mentions, needs_of

_ANY_PATH = AccessPath("root")
"""Stands for the access path of the run: a plan must not depend on how the host was reached."""


def may_run_beside(planned: PlannedChange) -> bool:
    """
    Return whether a change may run at the same time as others of its parallel block.

    A change that must not be interrupted, touches what login needs, takes the host away, is
    repeated, or was requested by a notification is made alone; so is one of another user whose
    commands read contents that were sent, because they are sent for one command at a time.
    """
    block, resource, provider = planned.item.declared.parallel, planned.resource, planned.provider
    if block is None or block.at_once == 1 or planned.item.because is not None:
        return False
    if planned.goal is not None or not provider.concurrent or provider.whole:
        return False
    if resource.retries or resource.until or resource.guarded:
        return False
    if resource.become_user is not None and _sent(planned):
        return False
    if provider.absence(planned.change):
        return False
    return provider.lockout_risk(planned.name, planned.change, _ANY_PATH) == "no"


@dataclass(frozen=True)
class Footprint:
    """The things that a change makes, alters, needs and names, to compare it with others."""

    changed: frozenset[Thing]
    concerned: frozenset[Thing]
    """The things that it needs, and those that its state describes."""

    paths: frozenset[str]
    """The paths that it changes."""

    text: str
    """Its commands."""

    fetched: frozenset[str]
    """The digests of the contents that its commands read, and that are not sent."""

    @classmethod
    def of(cls, planned: PlannedChange) -> Footprint:
        """Return the footprint of a change."""
        provider, resource = planned.provider, planned.resource
        pending = Pending(resource, provider, planned.change)
        changed = frozenset([*pending.alters, *pending.removes, *pending.brings])
        names = {planned.name, *(thing.name for thing in changed)}
        return cls(
            changed,
            frozenset([*needs_of(provider, resource), *provider.about(resource)]),
            frozenset(name for name in names if name.startswith("/") and name != "/"),
            "\n".join(command.text for command in planned.commands),
            _read(planned) - _sent(planned),
        )

    def is_independent_of(self, other: Footprint) -> bool:
        """
        Return whether neither change needs, describes or names what the other one changes.

        Two changes that fetch the same content are not independent: the host keeps it in one place.
        """
        if self.fetched & other.fetched:
            return False
        return not (self._influences(other) or other._influences(self))

    def _influences(self, other: Footprint) -> bool:
        if self.changed & other.concerned:
            return True
        return any(path in other.text and mentions(other.text, path) for path in self.paths)


def _read(planned: PlannedChange) -> frozenset[str]:
    """Return the digests of the contents that the commands of a change read."""
    return frozenset().union(*(command.contents for command in planned.commands))


def _sent(planned: PlannedChange) -> frozenset[str]:
    """Return those of them that are sent to the host."""
    return _read(planned) & planned.provider.contents(planned.resource).keys()
