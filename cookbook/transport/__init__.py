"""The one thing the engine needs of a connection: exchange(program) -> Reply."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from cookbook.errors import DeadlineExceeded, Failed, LinkLost
from cookbook.wire import Ask, Do, Outcome, Pace, Part, Program


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back for one program."""

    stdout: bytes
    stderr: bytes


class Transport(Protocol):
    """
    A way to have one POSIX shell somewhere read programs.

    The shell keeps running between programs, with the privilege that was asked for.
    """

    def exchange(self, program: Program, pace: Pace) -> Reply:
        """
        Send a program, read until the pace says the reply is complete.

        Raises LinkLost when the session ends before, DeadlineExceeded when a part
        takes too long; both leave the transport closed, and the reply so far in
        their `reply`.
        """
        ...

    def close(self) -> None:
        """End the session; leave nothing behind. Safe to call twice."""
        ...


class Interrupted(LinkLost):
    """The session ended in the middle of a program."""

    def __init__(self, message: str, reply: Reply, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.reply = reply
        self.outcomes: list[Outcome] = []
        """What is known of the parts that were sent, in their order."""


class TooSlow(DeadlineExceeded):
    """A part of a program took longer than it may."""

    def __init__(self, part: Part, reply: Reply) -> None:
        what = f"`{part.command}`" if isinstance(part, Ask | Do) else type(part).__name__.lower()
        super().__init__(
            f"no answer within {part.timeout:g} s to {what}",
            hint="look at the host: does it wait for a lock, a network mount, an answer?",
            failed=Failed(str(part.command)) if isinstance(part, Ask | Do) else None,
        )
        self.reply = reply
        self.outcomes: list[Outcome] = []
        """What is known of the parts that were sent, in their order."""


def run(
    transport: Transport, program: Program, begun: Callable[[int], None] = lambda _: None
) -> list[Outcome]:
    """Send a program and understand the reply; `begun` hears of each part as its turn comes."""
    pace = Pace(program, begun)
    reply = transport.exchange(program, pace)
    return program.outcomes(reply.stdout, reply.stderr, pace)
