"""The stages of a suite: their order, what follows a failure, and when hosts are kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from cookbook.kitchen.suites.suite import KitchenSuite

StageName = Literal["create", "converge", "again", "verify", "drift", "undo", "destroy"]
Keep = Literal["never", "failed", "always"]
StageStatus = Literal["passed", "failed", "skipped"]


@dataclass(frozen=True)
class StageResult:
    """The result of one stage."""

    stage: StageName
    status: StageStatus
    seconds: float = 0.0
    message: str = ""
    """Why it failed or was skipped, in one line."""

    details: str = ""
    """The rest of what there is to read, in several lines."""


class StageFailed(Exception):
    """A stage has found a fault."""

    def __init__(self, message: str, details: str = "") -> None:
        super().__init__(message)
        self.message, self.details = message, details


def stages_of(suite: KitchenSuite) -> tuple[StageName, ...]:
    """
    Return the stages of a suite, in order.

    >>> stages_of(KitchenSuite("web", "kitchen.yml:2", ()))
    ('create', 'converge', 'again', 'undo', 'destroy')
    """
    wanted: dict[StageName, bool] = {
        "create": True,
        "converge": True,
        "again": True,
        "verify": bool(suite.verify),
        "drift": bool(suite.drift),
        "undo": bool(suite.undo),
        "destroy": True,
    }
    return tuple(name for name, is_wanted in wanted.items() if is_wanted)


def is_kept(keep: Keep, *, failed: bool) -> bool:
    """Return whether the hosts stay after the last stage."""
    return keep == "always" or (keep == "failed" and failed)


def walk(
    suite: KitchenSuite,
    do: Callable[[StageName], None],
    keep: Keep,
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[StageResult]:
    """
    Do the stages in order; yield the result of each when it is over.

    `do` raises StageFailed. After a failure the next stages are skipped; the hosts are destroyed
    unless they are kept. After a failed `create`, and once `stopped` returns True, they are kept
    only by "always".
    """
    failed, why, begun = "", "", False
    for stage in stages_of(suite):
        if stage == "destroy" and begun:
            to_look_at = bool(failed) and failed != "create" and not stopped()
            if is_kept(keep, failed=to_look_at):
                yield StageResult(stage, "skipped", message="the hosts are kept")
                return
        elif why or stopped():
            why = why or "interrupted"
            yield StageResult(stage, "skipped", message=why)
            continue
        begun = True
        result = _done(stage, do)
        if result.status == "failed" and not why:
            failed, why = stage, f"{stage} failed"
        yield result


def _done(stage: StageName, do: Callable[[StageName], None]) -> StageResult:
    began = time.monotonic()
    try:
        do(stage)
    except StageFailed as error:
        seconds = time.monotonic() - began
        return StageResult(stage, "failed", seconds, error.message, error.details)
    return StageResult(stage, "passed", time.monotonic() - began)
