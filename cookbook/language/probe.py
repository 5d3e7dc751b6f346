"""Questions to a host, and the things that resources bring and need."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import (
    NamedTuple,
)

from cookbook.script.run_as import as_user
from cookbook.script.shell import Command


class Thing(NamedTuple):
    """Something on a host that one resource brings and another one needs."""

    kind: str
    """user, group, path, unit, tool ..."""

    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class Probe:
    """
    One question to a host, which must not change it.

    Equal questions are asked once. Those that come from one `Table` are asked
    by one command, however many resources want an answer.
    """

    command: Command | None
    """The question by itself; None where a table asks it."""

    absent: int | None = None
    """The exit status that says: there is no such thing. Any other but 0 is an error."""

    loose: bool = False
    """Asked to tell the truth in a plan, but not part of the state: a change is not
    held up because the answer has become another one since."""

    table: Table | None = None
    key: str = ""

    user: str | None = None
    """Who asks it, where that is not the one we are there."""

    @property
    def question(self) -> Command:
        """What is sent where it is asked by itself."""
        if self.command is not None:
            return as_user(self.user, self.command)
        assert self.table is not None  # noqa: S101 - one of the two is there
        return as_user(self.user, self.table.ask([self.key]))


@dataclass(frozen=True, slots=True)
class Table:
    """
    A question that one command answers for many keys.

    What `ask` prints for some keys must be what it prints for each alone, in
    the order of the keys, with `between` in between; so a change can be
    guarded by the narrow question, whatever was asked with it at first. It ends
    with status 0 whenever it could look, and says nothing of keys that are not there.
    """

    ask: Callable[[Sequence[str]], Command]
    split: Callable[[str, Sequence[str]], Iterable[tuple[str, str]]]
    """What was printed, and for which keys -> (key, its part) in order; others are absent."""

    between: str = ""

    def about(self, key: str, *, loose: bool = False) -> Probe:
        """The question for one key."""
        return Probe(None, loose=loose, table=self, key=key)
