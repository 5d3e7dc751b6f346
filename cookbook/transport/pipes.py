"""A shell at the other end of a process's three pipes."""

from __future__ import annotations

import contextlib
import math
import os
import selectors
import subprocess
import threading
import time
from collections.abc import Sequence
from typing import IO, NoReturn, Protocol

from cookbook.errors import PrivilegeError
from cookbook.script.program import Pace, Program, last_lines
from cookbook.text.diagnosis import why
from cookbook.transport.contract import Interrupted, Reply, TooSlow

CHUNK = 1 << 16

_PATIENCE = 2.0
"""Seconds that a shell has for its end; then it is left to what it is at."""


class Liveness(Protocol):
    """The check whether the other end still answers; see transport.paramiko_ssh.keepalive."""

    def heard(self) -> None:
        """Note that something has come."""

    @property
    def due(self) -> float:
        """When to look next, in seconds of time.monotonic()."""
        ...

    def lost(self) -> bool:
        """Return whether the host has stopped answering; ask it if it is time to."""
        ...


class PipeShell:
    """A process that is, or leads to, a persistent shell."""

    def __init__(self, command: Sequence[str]) -> None:
        """Start the command. Raises PrivilegeError if it cannot be run."""
        self._started = False
        self._pulse: Liveness | None = None
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,  # Ctrl-C is handled by the run
            )
        except OSError as error:
            raise PrivilegeError(f"{command[0]} cannot be run here: {error.strerror}") from None
        for pipe in self._pipes:
            os.set_blocking(pipe.fileno(), False)

    def exchange(self, program: Program, pace: Pace) -> Reply:
        """See Transport."""
        if self._pipes[0].closed:
            raise Interrupted("the shell has ended", Reply(b"", b""))
        try:
            return _Exchange(self._pipes, program, pace, self._pulse, started=self._started).run()
        except (Interrupted, TooSlow) as error:
            try:
                if not (self._started or pace.started):
                    reply = error.reply
                    self._not_started(error, last_lines(reply.stderr) or last_lines(reply.stdout))
            finally:
                if isinstance(error, Interrupted):
                    self.close()
            raise
        finally:
            self._started |= pace.started

    def close(self) -> None:
        """See Transport."""
        for pipe in self._pipes:
            with contextlib.suppress(OSError):  # what was not taken yet cannot be flushed
                pipe.close()
        try:
            self._process.wait(timeout=_PATIENCE)  # it ends with its input, after what it is at
        except subprocess.TimeoutExpired:
            threading.Thread(target=self._process.wait, daemon=True).start()

    def _not_started(self, error: Interrupted | TooSlow, said: str) -> NoReturn:
        """Say better than the error why no shell has read anything, if that is known."""
        raise error

    @property
    def _pipes(self) -> tuple[IO[bytes], IO[bytes], IO[bytes]]:
        process = self._process
        assert process.stdin  # noqa: S101 - all three were asked for
        assert process.stdout  # noqa: S101
        assert process.stderr  # noqa: S101
        return process.stdin, process.stdout, process.stderr


class _Exchange:
    """The exchange that writes while it reads both streams, so that no full pipe blocks it."""

    def __init__(
        self,
        pipes: tuple[IO[bytes], IO[bytes], IO[bytes]],
        program: Program,
        pace: Pace,
        pulse: Liveness | None,
        *,
        started: bool,
    ) -> None:
        """Create it; `started`: the shell has answered before, so silence is no slow login."""
        self._stdin, *self._streams = pipes
        self._left = memoryview(program.script)
        self._more = [memoryview(piece) for piece in reversed(program.payload)]
        self._pace = pace
        self._pulse = pulse
        self._started = started

    def run(self) -> Reply:
        if self._pulse is not None:
            self._pulse.heard()
        with selectors.DefaultSelector() as selector:
            selector.register(self._stdin, selectors.EVENT_WRITE)
            for i, stream in enumerate(self._streams):
                selector.register(stream, selectors.EVENT_READ, i)
            while not self._pace.complete:
                self._turn(selector)
        return self._reply

    def _turn(self, selector: selectors.BaseSelector) -> None:
        started = self._started or self._pace.started  # before that, a login may be slow
        pulse = self._pulse if started else None
        due = min(self._pace.deadline, pulse.due if pulse is not None else math.inf)
        ready = selector.select(max(0.0, due - time.monotonic()))
        if time.monotonic() >= self._pace.deadline:
            raise TooSlow(self._pace, self._reply)
        if self._pace.too_much:
            raise Interrupted("the host does not stop talking", self._reply)
        if pulse is not None and pulse.lost():
            raise Interrupted("the link has gone silent", self._reply)
        for key, _ in ready:
            if key.fileobj is self._stdin:
                self._write(selector)
            else:
                self._read(key.data, selector)

    def _write(self, selector: selectors.BaseSelector) -> None:
        try:
            self._left = self._left[os.write(self._stdin.fileno(), self._left[:CHUNK]) :]
        except BrokenPipeError:
            raise self._ended from None
        if not self._left:
            selector.unregister(self._stdin)
            self._go_on(selector)

    def _go_on(self, selector: selectors.BaseSelector) -> None:
        """Write what follows the script, once the shell is ready for it."""
        if self._more and self._pace.ready and not self._left:
            self._left = self._more.pop()
            selector.register(self._stdin, selectors.EVENT_WRITE)

    def _read(self, stream: int, selector: selectors.BaseSelector) -> None:
        data = os.read(self._streams[stream].fileno(), CHUNK)
        if not data:
            raise self._ended
        self._pace.hear(data, stream=stream)
        if self._pulse is not None:
            self._pulse.heard()
        self._go_on(selector)

    @property
    def _ended(self) -> Interrupted:
        said = last_lines(self._pace.rest[1])
        if not (said or self._pace.started):  # nologin(8) speaks on the other stream
            said = last_lines(self._pace.rest[0])
        ended = f"the shell has ended{f': {said}' if said else ''}"
        return Interrupted(ended, self._reply, **why(said))

    @property
    def _reply(self) -> Reply:
        return Reply.kept(self._pace)
