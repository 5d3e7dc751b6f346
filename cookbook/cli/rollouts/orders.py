"""The orders of an operator: whether they make sense, who takes them, and how they end."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cookbook.errors import UsageError

if TYPE_CHECKING:
    from cookbook.rollout.events import OperatorCommand, Status
    from cookbook.rollout.journal import Journal
    from cookbook.rollout.progress import RolloutProgress


def check_order(what: OperatorCommand, journal: Journal, progress: RolloutProgress) -> None:
    """Raise UsageError for a command that makes no sense now."""
    if what == "promote" and progress.asked is None:
        raise UsageError(f"{journal.id} waits at no gate", hint="`cook rollout status` shows it")
    if what in ("pause", "abort") and progress.finished is not None:
        raise UsageError(f"{journal.id} is over: it is {progress.finished}")
    if what == "resume" and progress.finished in ("done", "reverted", "revert-failed"):
        raise UsageError(
            f"{journal.id} is over: it is {progress.finished}",
            hint="begin a new one: the hosts that are left come first in it",
        )
    if what == "revert" and not any(s.runs and s.changed for s in progress.hosts.values()):
        if progress.at_work:
            return
        raise UsageError(f"{journal.id}: there is nothing to revert")


def told_controller(journal: Journal, what: OperatorCommand, url: str | None) -> bool:
    """Leave a command for the controller; return False if there is none, and one is needed."""
    from cookbook.cli.progress import write
    from cookbook.rollout.shared import order
    from cookbook.text.provenance import Origin

    by = Origin().by
    said = f"told the controller of {journal.id}: {what}"
    if journal.controlled:
        journal.order(what, by)
    elif url is not None and order(journal.id, url, what, by):
        said = f"{said}, by the store"
    elif what == "pause":
        journal.order(what, by)
        said = f"no controller is at work; {journal.id} begins no host"
    else:
        return False
    write([("", said)], sys.stderr)
    return True


def exit_status(
    status: Status | None, progress: RolloutProgress, orders: Sequence[OperatorCommand]
) -> int:
    """Return the exit status; `orders` are those of this command, which ends well if it is done."""
    if status is None:
        return 130
    if status == "done" and progress.pending:
        phases = {progress.hosts[host].phase for host in progress.pending}
        return 3 if "failed" in phases else 4
    as_ordered = {"done": True, "reverted": "revert" in orders, "aborted": "abort" in orders}
    return 0 if as_ordered.get(status, False) else 3
