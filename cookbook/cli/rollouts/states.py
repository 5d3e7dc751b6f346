"""The states of rollouts, from their journals."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cookbook.errors import CookError, UsageError

if TYPE_CHECKING:
    from cookbook.rollout.events import Event
    from cookbook.rollout.journal import Header, Journal
    from cookbook.rollout.plan import RolloutPlan
    from cookbook.rollout.progress import RolloutProgress


KnownRollout = tuple["Journal", "RolloutProgress"]
"""A rollout of this user, and where it is."""


def known_rollouts() -> list[KnownRollout]:
    """Return all rollouts, oldest first; say of those that cannot be read that they cannot."""
    from cookbook.cli.progress import write
    from cookbook.rollout.journal import journals_of_rollouts

    found: list[KnownRollout] = []
    for journal in journals_of_rollouts():
        try:
            found.append((journal, replayed(journal)))
        except CookError as error:
            told = f"cook: the rollout {journal.id} cannot be read: {error}"
            write([("yellow", told)], sys.stderr)
    return found


def is_of(header: Header, inventory: Path) -> bool:
    """Return whether a rollout is of this inventory, from whatever folder that is named."""
    return os.path.realpath(header.inventory) == os.path.realpath(inventory)


def strategies_of(header: Header) -> str:
    """Return the path of the file that has the strategies of a rollout."""
    place = Path(header.inventory).parent / header.folder / Path(header.source).name
    return os.path.realpath(place)


def replayed(journal: Journal) -> RolloutProgress:
    """Return the state of a rollout from its journal."""
    from cookbook.rollout.progress import RolloutProgress

    progress = RolloutProgress(journaled_plan(journal.header), journal.header.out_of_service)
    for event in journal.events():
        progress.apply(event)
    return progress


def journaled_plan(header: Header, base: Path | None = None) -> RolloutPlan:
    """
    Return the plan that a rollout began with, whatever the files say now.

    `base` is the folder of the inventory, if that has moved.
    """
    from cookbook.rollout.plan import plan
    from cookbook.rollout.reader import rollouts
    from cookbook.text.yaml_value import wrap

    value = wrap(header.rollouts, header.source, UsageError)
    folder = (base or Path(header.inventory).parent) / header.folder
    strategies = rollouts(value, folder, header.source, kept=True)
    known = {host: header.places.get(host, {}) for host in header.hosts}
    return plan(strategies, header.groups, known, first=header.first)


def summary(journal: Journal, progress: RolloutProgress) -> dict[str, Any]:
    """Return a rollout in a few words, as JSON."""
    return {
        "id": journal.id,
        "status": status_of(journal, progress),
        "started": journal.header.started,
        "by": journal.header.by,
        "source": journal.header.source,
        "revision": journal.header.revision,
        "hosts": dict(Counter(state.phase for state in progress.hosts.values())),
    }


def status_of(journal: Journal, progress: RolloutProgress) -> str:
    """Return whether it is over, at work, paused, or left by its controller."""
    if progress.finished is not None:
        return progress.finished
    if not journal.controlled:
        return "left"
    return "paused" if progress.paused else "at work"


def print_state(
    journal: Journal, progress: RolloutProgress, events: Sequence[Event] | None = None
) -> None:
    """Print where a rollout is, host by host, as JSON; events if they are given."""
    from cookbook.cli.output import print_json
    from cookbook.rollout.events import event_json

    told = {} if events is None else {"events": [event_json(event) for event in events]}
    print_json(
        {
            "schema": 1,
            **summary(journal, progress),
            "gate": gate_of(progress),
            "stopped": progress.stopped.reason if progress.stopped is not None else None,
            "pending": progress.pending,
            "hosts": {
                host: {
                    "phase": state.phase,
                    "healthy": state.healthy,
                    "in_service": state.in_service,
                    "drained_seconds": state.drained_seconds,
                    "enabled_seconds": state.enabled_seconds,
                    "runs": state.runs,
                    "reason": state.reason,
                }
                for host, state in progress.hosts.items()
            },
            **told,
        }
    )


def gate_of(progress: RolloutProgress) -> dict[str, Any] | None:
    """Return the batch that waits for a promotion; None if none does."""
    if progress.asked is None:
        return None
    stage, batch = progress.asked
    return {"group": progress.plan.stages[stage].group, "batch": batch + 1}


def out_of_service(before: Sequence[KnownRollout], hosts: Collection[str]) -> list[str]:
    """Return those of the hosts that the latest rollout about each has left out of service."""
    found: dict[str, bool] = {}
    for _, progress in reversed(before):
        for name, host in progress.hosts.items():
            if host.phase != "outside" and name in hosts:
                found.setdefault(name, host.in_service)
    return [name for name, in_service in found.items() if not in_service]
