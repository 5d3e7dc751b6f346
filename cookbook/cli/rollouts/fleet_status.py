"""The rollouts in the picture of `cook status`: hosts they have left, and those not at an end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from cookbook.cli.rollouts.states import KnownRollout, gate_of, is_of, known_rollouts, status_of

if TYPE_CHECKING:
    from cookbook.history.picture import HostPicture
    from cookbook.reports.status import RolloutDocument
    from cookbook.rollout.journal import Journal
    from cookbook.rollout.progress import RolloutProgress


def rollouts_of(inventory: Path) -> list[KnownRollout]:
    """Return the rollouts of an inventory on this machine, oldest first."""
    return [one for one in known_rollouts() if is_of(one[0].header, inventory)]


def left_by_rollouts(
    known: Sequence[KnownRollout], pictures: Mapping[str, HostPicture]
) -> dict[str, list[str]]:
    """Return sentences about each host that the latest rollout about it has not completed."""
    found: dict[str, list[str]] = {}
    for journal, progress in reversed(known):
        is_led = progress.finished is None and journal.controlled
        for name in journal.header.hosts:
            if name in pictures and name in progress.hosts and name not in found:
                sentences = _left(name, journal, progress, pictures[name], is_led=is_led)
                found[name] = list(sentences)
    return found


def _left(
    name: str,
    journal: Journal,
    progress: RolloutProgress,
    picture: HostPicture,
    *,
    is_led: bool,
) -> Iterator[str]:
    """Yield sentences about a host; `is_led` if a process controls the rollout right now."""
    host = progress.hosts[name]
    if is_led:
        if name in progress.at_work:
            yield f"rollout {journal.id} is at work"
        return
    over = progress.finished == "reverted" or _done_since(picture, progress.moved)
    if name in progress.to_do and not over:
        why = "" if host.phase == "waiting" else f" ({host.phase})"
        yield f"pending in rollout {journal.id}{why}"
    if not host.in_service and progress.plan.stage_of(name).strategy.drain:
        yield f"out of service since rollout {journal.id}"


def _done_since(picture: HostPicture, moment: float) -> bool:
    """Return whether a run has brought a host into line after a time in seconds since 1970."""
    if picture.success is None:
        return False
    try:
        return datetime.fromisoformat(picture.success.started).timestamp() > moment
    except ValueError:
        return False


def open_rollouts(
    known: Sequence[KnownRollout], pictures: Mapping[str, HostPicture]
) -> list[RolloutDocument]:
    """Return the rollouts about these hosts that have not ended, and can still go on."""
    found: list[RolloutDocument] = []
    later: set[str] = set()
    for journal, progress in reversed(known):
        hosts = {*journal.header.hosts}
        if progress.finished is None and hosts & pictures.keys() and not hosts & later:
            found.insert(
                0,
                {
                    "id": journal.id,
                    "status": status_of(journal, progress),
                    "by": journal.header.by,
                    "started": journal.header.started,
                    "gate": gate_of(progress),
                    "told": _told(journal, progress),
                },
            )
        later |= hosts
    return found


def _told(journal: Journal, progress: RolloutProgress) -> str:
    """Return the sentence about a rollout that has not ended, with the command that goes on."""
    name, command = f"rollout {journal.id}", f"cook rollout resume {journal.id}"
    if (gate := gate_of(progress)) is not None:
        command = f"cook rollout promote {journal.id}"
        return f"{name} waits for: {command} (batch {gate['batch']} of {gate['group']})"
    match status_of(journal, progress):
        case "left":
            return f"{name} was interrupted; to go on: {command}"
        case "paused":
            return f"{name} is paused; to go on: {command}"
        case status:
            return f"{name} is {status}"
