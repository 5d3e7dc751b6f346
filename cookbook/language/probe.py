"""Probes: questions to a host; and the things that resources create and need."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import (
    NamedTuple,
)

from cookbook.script.run_as import as_user
from cookbook.script.shell import Command


class Thing(NamedTuple):
    """A thing on a host that one resource creates and another one needs."""

    kind: str
    """One of user, group, path, unit, tool ..."""

    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class Probe:
    """
    One question to a host, which must not change it.

    Equal probes are sent once. All probes of one `Table` are sent as one command.
    """

    command: Command | None
    """The command that asks the question; None if the probe belongs to a table."""

    absent: int | None = None
    """The exit status that means: the thing is absent. Every other status but 0 is an error."""

    loose: bool = False
    """True if the answer is only used in the plan and is no part of the state: it is not a
    precondition, so a change is still made if the answer differs at that time."""

    table: Table | None = None
    key: str = ""

    user: str | None = None
    """The user that runs the command; None for the user that the run acts as."""

    apart: bool = False
    """True if the question must not be asked at the same time as another one that is apart: a
    command of the recipe, or a tool that fails if another process has its lock."""

    waits: bool = False
    """True if the answer comes from elsewhere, such as a repository or a registry, and costs the
    host little: others are asked meanwhile, also if the host has one processor."""

    def __hash__(self) -> int:
        # Not of all fields: a run looks up each probe many times. Many tables have the same keys.
        return hash(self.command if self.table is None else (self.key, self.table.ask))

    @property
    def question(self) -> Command:
        """The command that asks this question alone, as its user."""
        if self.command is not None:
            return as_user(self.user, self.command)
        assert self.table is not None  # noqa: S101 - one of the two is there
        return as_user(self.user, self.table.ask([self.key]))


@dataclass(frozen=True, slots=True)
class Table:
    """
    A question that one command answers for many keys.

    The output of `ask` for several keys must be the outputs for each key alone, in the
    order of the keys, joined with `between`. So the question for one key can be the
    precondition of a change, although several keys were asked at once before. The command
    ends with status 0 if it was able to read, and prints nothing for absent keys.
    """

    ask: Callable[[Sequence[str]], Command]
    split: Callable[[str, Sequence[str]], Iterable[tuple[str, str]]]
    """The output and the keys -> pairs (key, its part) in order; a key without a pair is absent."""

    between: str = ""
    apart: bool = False
    """As that of a probe."""

    def about(self, key: str, *, loose: bool = False) -> Probe:
        """Return the probe for one key."""
        return Probe(None, loose=loose, table=self, key=key, apart=self.apart)


_LONG = 160
"""The number of characters above which a command without a name is a program."""


def with_name(command: Command, called: str) -> Command:
    r"""
    Return a command with a name for errors, unless it has one or is short enough to be shown.

    >>> from cookbook.script.shell import sh
    >>> with_name(sh("tar -cf - {}", "/srv"), "keep /srv").brief
    'tar -cf - /srv'
    >>> with_name(sh("for p in {}; do\ntar -cf - $p; done", "/srv"), "keep /srv").brief
    'keep /srv'
    """
    if command.called or ("\n" not in command.shown and len(command.shown) <= _LONG):
        return command
    return replace(command, called=called)
