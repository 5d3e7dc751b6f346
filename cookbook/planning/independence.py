"""The independence of changes in a parallel block: which of them can run at the same time."""

from __future__ import annotations

from cookbook.language.access_path import AccessPath
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


def independent(one: PlannedChange, other: PlannedChange) -> bool:
    """
    Return whether neither change needs, describes or names what the other one changes.

    Two changes that fetch the same content are not independent: the host keeps it in one place.
    """
    if (_read(one) - _sent(one)) & _read(other):
        return False
    return not (_influences(one, other) or _influences(other, one))


def _influences(one: PlannedChange, other: PlannedChange) -> bool:
    pending = Pending(one.resource, one.provider, one.change)
    changed = {*pending.alters, *pending.removes, *pending.brings}
    concerned = {*needs_of(other.provider, other.resource), *other.provider.about(other.resource)}
    if changed & concerned:
        return True
    names = {thing.name for thing in changed} | {one.name}
    paths = [name for name in names if name.startswith("/") and name != "/"]
    texts = [command.text for command in other.commands]
    return any(mentions(text, path) for text in texts for path in paths)


def _read(planned: PlannedChange) -> frozenset[str]:
    """Return the digests of the contents that the commands of a change read."""
    return frozenset().union(*(command.contents for command in planned.commands))


def _sent(planned: PlannedChange) -> frozenset[str]:
    """Return those of them that are sent to the host."""
    return _read(planned) & planned.provider.contents(planned.resource).keys()
