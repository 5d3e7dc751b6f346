"""Sections of a recipe that belong together: attempts, parallel blocks, what one host does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

AttemptPart = Literal["body", "rescue", "always"]

PARTS: Sequence[AttemptPart] = ("body", "rescue", "always")
"""The parts of an attempt, in order."""


@dataclass(eq=False)
class Attempt:
    """
    Resources that may fail, with those that are done then, and those that are done in any case.

    If a resource of the body fails, the rest of the body is left out and the rescue is done: the
    failure counts as ignored. The rescue is skipped if nothing failed. The cleanup (`always`) is
    done in any case, and also if the rescue has failed. An attempt without a rescue fails the run
    as usual, after its cleanup.
    """

    name: str
    """Its name in messages."""

    where: str
    """The line of the recipe that begins it."""

    parts: set[AttemptPart] = field(default_factory=set)
    """The parts that the recipe has declared."""


class Section(NamedTuple):
    """One part of an attempt, in which a resource is declared."""

    attempt: Attempt
    part: AttemptPart


@dataclass(frozen=True)
class ParallelBlock:
    """Resources that are independent of one another: their changes can run at the same time."""

    number: int
    """Its number in the recipe, from 1."""

    at_once: int
    """The maximum number of changes that run at the same time."""


@dataclass(frozen=True)
class Barrier:
    """A point where the hosts of a run wait for one another."""

    name: str
    """The same on each host."""

    where: str
    """The line of the recipe."""

    once: bool = False
    """True for the end of a block that one host does for all."""

    on: str | None = None
    """The host that does the block; None: the first of the run that declares it."""


@dataclass(frozen=True)
class Scope:
    """Resources that are judged by themselves, whatever others declare: a control of an audit."""

    id: str
    where: str
    """The line of the profile."""


@dataclass
class Failures:
    """The failed attempts of a run, and what that means for the resources that are left."""

    _failed: set[Attempt] = field(default_factory=set)
    _kept: set[Attempt] = field(default_factory=set)
    """Attempts whose cleanup is still to be done, though the run gives up."""

    def skips(self, sections: tuple[Section, ...]) -> str | None:
        """Return the reason to skip a resource in these sections; None if there is none."""
        for i, (attempt, part) in enumerate(sections):
            if part == "rescue" and attempt not in self._failed:
                return f"the attempt {attempt.name!r} has not failed"
            cleans = any(inner.part == "always" for inner in sections[i + 1 :])
            if part == "body" and attempt in self._failed and not cleans:
                return f"the attempt {attempt.name!r} fails before it"
        return None

    def add(self, sections: tuple[Section, ...]) -> Attempt | None:
        """Note the failure of a resource; return the attempt that handles it, None if none does."""
        self._kept = set()
        for attempt, part in reversed(sections):
            if part == "body" and "rescue" in attempt.parts:
                self._failed.add(attempt)
                return attempt
            if part != "always":
                self._kept.add(attempt)
        return None

    def is_cleanup(self, sections: tuple[Section, ...]) -> bool:
        """Return whether a resource is done in any case, although the run gives up."""
        return any(attempt in self._kept and part == "always" for attempt, part in sections)

    def leaves(self, sections: tuple[Section, ...], within: Attempt | None) -> bool:
        """
        Return whether a resource that is still to be done is left out after the last failure.

        `within` is the attempt that handles the failure; None if the run gives up.
        """
        if self.is_cleanup(sections):
            return False
        return within is None or Section(within, "body") in sections
