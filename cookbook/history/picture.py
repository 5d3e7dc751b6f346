"""The picture of a fleet: what is where, and since when, as the history knows it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from cookbook.history.records import LastVisit, StepSeen
from cookbook.planning.status import LOOKING

_NOT_REACHED = frozenset({"unreachable", "timeout", "interrupted", "refused"})


@dataclass(frozen=True)
class HostPicture:
    """The knowledge of the runs about one host."""

    last: LastVisit | None
    """The newest visit; None if no run has visited it."""

    success: LastVisit | None
    """The newest run that brought it into line without a failure."""

    look: LastVisit | None
    """The newest visit that has probed resources."""

    resources: int
    """The number of resources of that look."""

    steps: Sequence[StepSeen]
    """Those that were not in line at that look, or that it did not get to."""

    @cached_property
    def out(self) -> list[str]:
        """The ids of the resources that the last look left out of line, each once."""
        if self.look is None:
            return []
        acting = self.look.mode not in LOOKING
        wrong = {"failed", "unknown", "refused"} if acting else {"failed", "unknown", "changed"}
        found = (one.resource for one in self.steps if one.status in wrong and not one.excused)
        return list(dict.fromkeys(found))

    @cached_property
    def pending(self) -> list[str]:
        """Sentences about what was begun, or asked for, and is not done."""
        found: list[str] = []
        if self.last is not None and self.last.running:
            found.append(f"{self.last.mode} {self.last.run} is at work")
        elif self.last is not None and self.last.status in _NOT_REACHED:
            found.append(f"{self.last.mode} was {self.last.status}")
        left = {one.resource for one in self.steps if one.status == "not-run"}
        if left:
            found.append(f"{len(left)} not run")
        return found

    @property
    def result(self) -> str:
        """The state in a word: never, in line, out of line, failed, or why the last run ended."""
        if self.last is None:
            return "never"
        if self.last.status in ("failed", *_NOT_REACHED):
            return self.last.status
        return "out of line" if self.out or self.pending else "in line"

    @property
    def revision(self) -> str | None:
        """The revision of the recipes that the host is in line with; None if it is not known."""
        if self.success is None or self.success.mode == "undo":  # to which one it led back is lost
            return None
        return self.success.revision

    @property
    def desired(self) -> str | None:
        """The digest of the desired state that it is in line with; None if it is not known."""
        if self.success is None or self.success.mode == "undo":
            return None
        return self.success.desired

    @property
    def asks_anew(self) -> bool | None:
        """True if the newest look asked for another state than the host is in line with."""
        if self.look is None or self.look.desired is None or self.desired is None:
            return None
        return self.look.desired != self.desired


def totals(pictures: Iterable[HostPicture]) -> dict[str, int]:
    """Return the number of hosts with each result, the most frequent first."""
    return dict(Counter(one.result for one in pictures).most_common())
