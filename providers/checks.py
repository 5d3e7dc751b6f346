"""
The mechanism of checks: a condition that is asked for, and waited for if it does not hold.

A check changes nothing. If its condition holds, it is ok; if not, the change is to wait for it, and
fails at the deadline with what was found instead.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from cookbook.provider import Change, Command, Probe, Provider, Resource, Thing, hint, script, sh

R = TypeVar("R", bound=Resource)

_SPARE = 30.0
"""Seconds that a command may take longer than its deadline, until it is ended."""


@dataclass(frozen=True)
class State:
    """Nothing that could be changed."""

    holds: bool = hint(default=False)
    check: str = hint(default="")
    """The condition in words."""
    shell: str = hint(default="")
    """Shell text that prints what was found instead; its status is 0 if the condition holds."""
    seconds: float = hint(default=0.0)
    pause: float = hint(default=1.0)


class CheckProvider(Provider[R, State], Generic[R]):
    """A provider of a check."""

    owns = False
    concurrent = True
    traceless = frozenset({"wait"})

    @abstractmethod
    def condition(self, resource: R, /) -> Command:
        """Return the command of the condition (see `State.shell`); it changes nothing."""

    @abstractmethod
    def patience(self, resource: R, /) -> tuple[str, float, float]:
        """Return what is waited for, for how many seconds, and the seconds between two tries."""

    @property
    def state(self) -> type[State]:
        """The state of a check."""
        return State

    def asked(self, resource: R) -> Sequence[Probe]:
        """Return the question; what is found may differ a moment later."""
        command = sh("if c=$({}\n); then echo yes; else echo no; fi", self.condition(resource))
        called = f"check: {self.patience(resource)[0]}"
        return [Probe(replace(command, called=called), loose=True, apart=True)]

    def probe(self, resource: R) -> Sequence[Probe]:
        """Ask once."""
        return self.asked(resource)

    def parse(self, resource: R, text: str, *_: str | None) -> State:
        """Return whether the condition holds."""
        return State(text == "yes\n")

    def plan(self, resource: R, found: State | None) -> Change[State]:
        """Wait if it does not hold."""
        what, seconds, pause = self.patience(resource)
        shell = self.condition(resource).text
        wanted = State(True, what, shell, seconds, pause)
        if found is not None and found.holds:
            return Change(found, wanted)
        return Change(found or State(), wanted, act="wait", note=f"waits until {what}")

    def commands(self, name: str, change: Change[State]) -> Iterable[Command]:
        """Try until the deadline."""
        wanted = change.wanted
        if wanted is None or change.act is None:
            return
        loop = sh(
            "end=$(($(date +%s) + {})); until c=$({}\n); do [ $(date +%s) -lt $end ] ||"
            ' { echo "$c" >&2; exit 1; }; sleep {}; done',
            int(wanted.seconds),
            script(wanted.shell),
            wanted.pause,
        )
        text = f"wait until {wanted.check}"
        yield replace(loop, shown=text, called=text)

    def alters(self, resource: R, change: Change[State] | None) -> Iterable[Thing]:
        """Yield nothing."""
        return []

    def removes(self, resource: R, change: Change[State] | None) -> Iterable[Thing]:
        """Yield nothing."""
        return []

    def there(self, state: State | None) -> bool:
        """Return False: there is nothing to be undone."""
        return False

    def limit(self, change: Change[State]) -> float:
        """Return the deadline, and some more."""
        return (change.wanted.seconds if change.wanted is not None else 0.0) + _SPARE
