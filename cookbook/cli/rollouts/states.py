"""The states of rollouts, from their journals."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cookbook.errors import UsageError

if TYPE_CHECKING:
    from cookbook.rollout.journal import Header, Journal
    from cookbook.rollout.plan import RolloutPlan
    from cookbook.rollout.progress import RolloutProgress


def replayed(journal: Journal) -> RolloutProgress:
    """Return the state of a rollout from its journal."""
    from cookbook.rollout.progress import RolloutProgress

    progress = RolloutProgress(journaled_plan(journal.header))
    for event in journal.events():
        progress.apply(event)
    return progress


def journaled_plan(header: Header) -> RolloutPlan:
    """Return the plan that a rollout began with, whatever the files say now."""
    from cookbook.rollout.plan import plan
    from cookbook.rollout.reader import rollouts
    from cookbook.text.yaml_value import wrap

    value = wrap(header.rollouts, header.source, UsageError)
    strategies = rollouts(value, Path(header.folder), header.source)
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


def print_state(journal: Journal, progress: RolloutProgress) -> None:
    """Print where a rollout is, host by host, as JSON."""
    from cookbook.cli.output import print_json

    print_json(
        {
            "schema": 1,
            **summary(journal, progress),
            "stopped": progress.stopped.reason if progress.stopped is not None else None,
            "pending": progress.pending,
            "hosts": {
                host: {
                    "phase": state.phase,
                    "healthy": state.healthy,
                    "in_service": state.in_service,
                    "runs": state.runs,
                    "reason": state.reason,
                }
                for host, state in progress.hosts.items()
            },
        }
    )
