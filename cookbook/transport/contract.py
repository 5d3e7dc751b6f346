"""The one thing the engine needs of a connection: exchange(program) -> Reply."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from cookbook.errors import AuthenticationFailed, DeadlineExceeded, Failed, HostError, LinkLost
from cookbook.text.listing import named

if TYPE_CHECKING:
    from cookbook.script.program import Outcome, Pace, Program

_NAMED = 3
"""So many resources are named that had the same question."""

BUSY_PAUSES = (0.2, 2.0, 2.0, 0.5)
"""Arguments of `growing` for an sshd that drops connections before its greeting."""


def times(number: int) -> str:
    """Return how often, for a message: `once`, `3 times`."""
    return "once" if number == 1 else f"{number} times"


@dataclass(frozen=True, slots=True)
class Reply:
    """The reply to one program."""

    stdout: bytes
    stderr: bytes

    @classmethod
    def kept(cls, pace: Pace) -> Reply:
        """Return the part of the reply that a pace has kept so far."""
        return cls(*map(bytes, pace.kept))


class Transport(Protocol):
    """
    A way to have one POSIX shell somewhere read programs.

    The shell keeps running between programs, with the privilege that was asked for.
    """

    def exchange(self, program: Program, pace: Pace) -> Reply:
        """
        Send a program, read until the pace says the reply is complete.

        Raises Interrupted when the session ends before, TooSlow when a part takes too
        long; both leave the transport of no more use, and the reply so far in their
        `reply`. What is being run then is not ended.
        """
        ...

    def close(self) -> None:
        """End the session: the shell ends with what it is at. Safe to call twice."""
        ...


@runtime_checkable
class HasBeside(Protocol):
    """A transport whose connection can carry another shell, although a login is refused now."""

    def beside(self) -> None:
        """
        Continue with another shell over the same connection; the one before ends its work.

        Raises Unreachable and its kin.
        """
        ...


class LoginPasswordRefused(AuthenticationFailed):
    """The password to log in with was wrong; each further try may lock the account."""


class Interrupted(LinkLost):
    """The session ended in the middle of a program."""

    def __init__(
        self, message: str, reply: Reply, *, hint: str | None = None, cause: str | None = None
    ) -> None:
        super().__init__(message, hint=hint, cause=cause)
        self.reply = reply
        self.outcomes: list[Outcome] = []
        """The known outcomes of the parts, in their order."""
        self.nonce = ""
        """Nonce of the program; the record of the host has the same (cookbook.script.trace)."""


class TooSlow(DeadlineExceeded):
    """A part of a program took longer than it may, or longer than there was time for the host."""

    def __init__(self, pace: Pace, reply: Reply) -> None:
        from cookbook.script.program import Ask, Do, last_lines

        part = pace.waiting_for
        what = type(part).__name__.lower()
        if isinstance(part, Ask | Do):
            what = f"`{part.command.brief}`"
        took = "in the time there was for this host" if pace.over else f"within {part.timeout:g} s"
        longer = " --host-timeout and --timeout give it longer" if pace.over else ""
        super().__init__(
            f"no answer {took} to {what}",
            hint=f"look at the host: does it wait for a lock, a network mount, an answer?{longer}",
            failed=Failed(part.command.brief) if isinstance(part, Ask | Do) else None,
        )
        self.reply = reply
        self.said = last_lines(*pace.rest)
        """The output of the part so far; it may be secret."""
        self.outcomes: list[Outcome] = []
        """The known outcomes of the parts, in their order."""
        self.nonce = ""
        """Nonce of the program; the record of the host has the same (cookbook.script.trace)."""
        self.ended = False
        """True if the slow command was ended, and none after it was begun."""
        self.refused: HostError | None = None
        """The error of the new login that was to end the command; None if a login was possible."""

    def asked_for(self, about: Sequence[str]) -> None:
        """Add the resources that the question was about to the message, if they are known."""
        if about:
            self.message += f", asked for {named(about, _NAMED)}"


def run(transport: Transport, program: Program, pace: Pace | None = None) -> list[Outcome]:
    """Send a program and understand the reply; `pace` hears it grow."""
    if pace is None:
        from cookbook.script.program import Pace

        pace = Pace(program)
    reply = transport.exchange(program, pace)
    return program.outcomes(reply.stdout, reply.stderr, pace)
