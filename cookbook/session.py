"""A host at the other end of a transport: asked, and told, in as few exchanges as it takes."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from cookbook import platform
from cookbook.errors import HostError
from cookbook.platform import Facts, parse_facts
from cookbook.provider import Probe
from cookbook.questions import Answer, Question, gather
from cookbook.shell import Command, printing, sh
from cookbook.transport import Interrupted, TooSlow, Transport, run
from cookbook.wire import Ask, Do, Outcome, Part, Program, wanted_contents

INLINE_CONTENT = 256 * 1024
"""Bytes; longer contents are sent ahead in pieces, so that no shell has to hold them."""

_STAGE_TIMEOUT = 300.0


class Session:
    """What the engine says to one host, counted."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._stage = ""
        self.exchanges = 0
        """How often we waited for the host."""

    def facts(self) -> Facts:
        """What the host is. Raises ProbeError if it is no POSIX host."""
        [outcome] = self.run([Ask(platform.QUESTION)])
        return parse_facts(outcome.text)

    def ask(self, probes: Iterable[Probe]) -> dict[Probe, Answer]:
        """The answers to these probes, in one exchange."""
        questions = gather(probes)
        if not questions:
            return {}
        return self.understand(questions, self.run([question.part for question in questions]))

    def understand(
        self, questions: Sequence[Question], outcomes: Sequence[Outcome]
    ) -> dict[Probe, Answer]:
        """
        The answers in these outcomes.

        Where a command for many keys failed, each key is asked alone, in one more exchange.
        """
        answers: dict[Probe, Answer] = {}
        again: list[Question] = []
        for question, outcome in zip(questions, outcomes, strict=True):
            if outcome.status != 0 and len(question.probes) > 1 and question.table is not None:
                again += question.alone
            else:
                answers.update(question.read(outcome))
        for question, outcome in zip(again, self.read([q.command for q in again]), strict=True):
            answers.update(question.read(outcome))
        return answers

    def read(self, commands: Sequence[Command]) -> list[Outcome]:
        """What these questions print, in one exchange."""
        return self.run([Ask(command) for command in commands]) if commands else []

    def run(
        self,
        parts: Sequence[Part],
        contents: Mapping[str, bytes] | None = None,
        begun: Callable[[int], None] = lambda _: None,
    ) -> list[Outcome]:
        """
        Send a program; long contents go before it, in the same exchange.

        `begun` hears the number of each part as its turn comes.

        Raises HostError if there is no room for them on the host.
        """
        carried = contents or {}
        wanted = {d: carried[d] for d in sorted(wanted_contents(parts)) if d in carried}
        ahead: list[Part] = []
        for digest in [d for d, data in wanted.items() if len(data) > INLINE_CONTENT]:
            ahead += self._send_ahead(digest, wanted.pop(digest))
        self.exchanges += 1
        program = Program((*ahead, *parts), wanted, self._stage)
        try:
            outcomes = run(self._transport, program, lambda part: begun(part - len(ahead)))
        except (Interrupted, TooSlow) as error:
            heard = list(program.partial(error.reply.stdout, error.reply.stderr))
            error.outcomes = heard[len(ahead) :]
            raise
        for outcome in outcomes[: len(ahead)]:
            if outcome.status != 0:
                raise HostError(
                    f"no room for a file on its way: {outcome.complaint}",
                    hint="it is kept in /var/tmp until it is in place",
                )
        return outcomes[len(ahead) :]

    def close(self) -> None:
        """Leave nothing behind, and end the session."""
        try:
            if self._stage:
                self.run([Ask(sh("rm -rf {}", self._stage))])
        except HostError:
            pass  # the link is gone; the folder is private, and under /var/tmp
        finally:
            self._transport.close()

    def _send_ahead(self, digest: str, data: bytes) -> Iterator[Part]:
        """Put contents into a private folder on the host, piece by piece."""
        if not self._stage:
            self._stage = f"/var/tmp/cook-{secrets.token_hex(8)}"  # noqa: S108 - private: mkdir -m 700
            yield Do(sh("mkdir -m 700 {}", self._stage), _STAGE_TIMEOUT)
        for start in range(0, len(data), INLINE_CONTENT):
            piece, path = printing(data[start : start + INLINE_CONTENT]), f"{self._stage}/{digest}"
            write = sh("{} > {}", piece, path) if start == 0 else sh("{} >> {}", piece, path)
            yield Do(write, _STAGE_TIMEOUT)
