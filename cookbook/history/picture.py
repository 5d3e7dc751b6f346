"""The picture of a fleet: what is where, and since when, as the history knows it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from cookbook.history.records import AD_HOC, LastVisit, StepSeen
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

    others: Sequence[LeftBySet] = ()
    """The resources of earlier looks that are so, and that no later one has got to: those of other
    sets of recipes, and of the same set if the last look was about a part of it."""

    @property
    def all_steps(self) -> list[StepSeen]:
        """The steps of the last look, and those that earlier ones have left."""
        return [*self.steps, *(step for other in self.others for step in other.steps)]

    @cached_property
    def out(self) -> list[str]:
        """The ids of the resources that are out of line, each once: the last look's come first."""
        own = [] if self.look is None else _out_of_line(self.look, self.steps)
        others = (one for other in self.others for one in _out_of_line(other.look, other.steps))
        return list(dict.fromkeys([*own, *others]))

    @property
    def left_by_other_sets(self) -> dict[str, tuple[LastVisit, list[str]]]:
        """The last look of each other set that has left something, and the resources, by set."""
        found: dict[str, tuple[LastVisit, list[str]]] = {}
        for other in self.others:
            left = {one.resource for one in other.steps if one.status == "not-run"}
            wrong = [*_out_of_line(other.look, other.steps), *sorted(left)]
            if wrong and self.look is not None and other.look.set not in ("", self.look.set):
                known = found.setdefault(other.look.set, (other.look, []))[1]
                known += [one for one in wrong if one not in known]
        return found

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
        return [*found, *(text for other in self.others if (text := other.pending))]

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


@dataclass(frozen=True)
class LeftBySet:
    """The resources that an earlier look of a set of recipes left out of line, or not done."""

    look: LastVisit
    steps: Sequence[StepSeen]

    @property
    def pending(self) -> str | None:
        """A sentence about those that it did not get to; None if there are none."""
        left = {one.resource for one in self.steps if one.status == "not-run"}
        return f"{len(left)} not run of {self.look.set or 'other recipes'}" if left else None


def left_by_others(
    looks: Sequence[LastVisit],
    steps: Mapping[int, Sequence[StepSeen]],
    probed: Mapping[int, Collection[str]],
) -> tuple[LeftBySet, ...]:
    """
    Return what all looks but the first have left, without what a later look has got to.

    `looks` are the newest ones of each set at a host, the newest first: a run of one set says
    nothing of the resources of another, and one of a part nothing of the others of its set. What
    `cook declare` was given once is no set that will be run again: it is left out. `steps` and
    `probed` are by the number of the look.
    """
    found: list[LeftBySet] = []
    later: set[str] = set()
    for i, look in enumerate(looks):
        left = [one for one in steps.get(look.number, ()) if one.resource not in later]
        if i > 0 and left and not look.set.startswith(AD_HOC):
            found.append(LeftBySet(look, left))
        later |= {*probed.get(look.number, ())}
    return tuple(found)


def _out_of_line(look: LastVisit, steps: Iterable[StepSeen]) -> list[str]:
    """Return the ids of the resources that a look left out of line."""
    acting = look.mode not in LOOKING
    wrong = {"failed", "unknown", "refused"} if acting else {"failed", "unknown", "changed"}
    return [one.resource for one in steps if one.status in wrong and not one.excused]


def totals(pictures: Iterable[HostPicture]) -> dict[str, int]:
    """Return the number of hosts with each result, the most frequent first."""
    return dict(Counter(one.result for one in pictures).most_common())
