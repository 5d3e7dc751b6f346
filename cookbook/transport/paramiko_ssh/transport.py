"""
SSH, by paramiko: one connection, one channel, one persistent shell per host.

Both streams are read while writing (they share one window), and every wait has a deadline.
"""

from __future__ import annotations

import contextlib
import functools
import threading
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NoReturn

from cookbook.errors import HostError, Unreachable, during
from cookbook.text.diagnosis import why
from cookbook.transport.become import WantsTerminal, did_not_start, enter, entrance, wants_terminal
from cookbook.transport.contract import Interrupted, Reply, TooSlow
from cookbook.transport.login import LoginWait, runs_nothing
from cookbook.transport.paramiko_ssh.bastion import lost_bastion
from cookbook.transport.paramiko_ssh.connection import AUTH_TIMEOUT, connect
from cookbook.transport.paramiko_ssh.keepalive import Keepalive
from cookbook.transport.target import Target

if TYPE_CHECKING:
    import paramiko

    from cookbook.script.program import Pace, Program
    from cookbook.script.shell import Command

_CHUNK = 1 << 16

_AT_ONCE = 64
"""The number of chunks that are read before the deadline is checked."""

_BUFFERED = 1 << 15
"""Bytes that a socket takes at once, however slow the link is."""


class SshTransport:
    """A persistent shell on another machine."""

    def __init__(self, target: Target) -> None:
        """
        Connect, check the host's key, authenticate, start the shell.

        Raises Unreachable, UntrustedHost, AuthenticationFailed, PrivilegeError or
        DeadlineExceeded.
        """
        self._target = target
        self._started = False
        self._terminal = False
        try:
            self._begin()
        except WantsTerminal:
            self._begin_anew()

    def _begin_anew(self) -> None:
        """Once more, with a terminal; there is nothing that began without."""
        self.close()
        self._terminal = True
        self._begin()

    def _begin(self) -> None:
        """Connect, and start the shell."""
        self._connection = connect(self._target)
        self._start_shell()

    def _start_shell(self) -> None:
        """Start a shell over the connection."""
        self._wake = _Wake()
        self._pulse = Keepalive(self._connection, self._target.alive_interval, self._wake.set)
        self._login = LoginWait(self._target)
        try:
            self._channel = self._open_shell()
        except TimeoutError:
            self.close()
            raise self._login.error from None
        except BaseException:
            self.close()
            raise
        self._login.pause()

    def exchange(self, program: Program, pace: Pace) -> Reply:
        """See Transport."""
        try:
            return self._exchange(program, pace)
        except WantsTerminal:
            self._begin_anew()
            return self._exchange(program, pace)

    def _exchange(self, program: Program, pace: Pace) -> Reply:
        if not self._started:
            self._login.go_on()
            pace.shell_due = self._login.end
        try:
            with self._sending([program.script]):
                self._pulse.heard()
                while not (pace.complete or (pace.ready and program.payload)):
                    self._listen(pace)
            if not pace.complete:
                with self._sending(program.payload):
                    while not pace.complete:
                        self._listen(pace)
        except (OSError, EOFError):  # the latter where the link is a bastion's channel
            self._take(pace)
            try:
                self._ended(pace)  # may ask the host for the reason, over the same connection
            finally:
                self.close()
        except TooSlow:
            raise  # the connection is good: another shell can end the command
        except HostError:
            self.close()
            raise
        finally:
            self._started |= pace.started
            self._login.over()
        return Reply.kept(pace)

    def close(self) -> None:
        """See Transport."""
        self._login.over()
        self._connection.close()

    def beside(self) -> None:
        """See HasBeside."""
        self._started = False
        self._start_shell()

    def _listen(self, pace: Pace) -> None:
        """Wait until something arrives, the deadline passes, or the link has gone silent."""
        if self._wake.wait(min(pace.deadline, self._pulse.due) - time.monotonic()):
            self._pulse.heard()
        # Asked before what came is taken: after an end nothing comes, so nothing is missed,
        # and a later end wakes the thread again.
        ended = self._channel.closed or self._channel.eof_received
        self._take(pace)
        if pace.complete:
            return
        if ended:
            self._ended(pace)
        if pace.too_much:
            raise Interrupted("the host does not stop talking", Reply.kept(pace))
        if time.monotonic() >= pace.deadline:
            if not (self._started or pace.started or pace.over):
                raise self._login.error
            raise TooSlow(pace, Reply.kept(pace))
        if self._pulse.lost():
            self.close()
            raise Interrupted("the link has gone silent", Reply.kept(pace))

    def _take(self, pace: Pace) -> None:
        """Take the data that arrived; of an endless stream a part, because of the deadlines."""
        channel = self._channel
        for _ in range(_AT_ONCE):
            if out := channel.recv(_CHUNK) if channel.recv_ready() else b"":
                pace.hear(out)
            if err := channel.recv_stderr(_CHUNK) if channel.recv_stderr_ready() else b"":
                pace.hear(err, stream=1)
            if not (out or err):
                return
        self._wake.set()

    def _ended(self, pace: Pace) -> NoReturn:
        """Say why, as far as the host has."""
        from cookbook.script.program import last_lines

        said = last_lines(pace.rest[1])
        if not (said or pace.started):  # nologin(8) speaks on the other stream
            said = last_lines(pace.rest[0])
        if not (pace.started or self._started):
            becomes = self._target.becomes
            if becomes and not self._terminal and wants_terminal(self._target, said):
                raise WantsTerminal
            if (nothing := runs_nothing(self._target, said, self._hear_beside)) is not None:
                raise nothing
            if becomes:
                raise did_not_start(self._target, said)
        raise Interrupted(
            f"the session has ended: {self._why(said)}", Reply.kept(pace), **why(said)
        )

    def _why(self, said: str) -> str:
        if (bastion := lost_bastion(self._connection, self._target)) is not None:
            return f"the link to the bastion {bastion} was lost"
        return said or "the link was lost"

    @contextlib.contextmanager
    def _sending(self, pieces: Sequence[bytes | memoryview]) -> Iterator[None]:
        """Write in a thread of its own where the window might not take it at once."""
        if sum(map(len, pieces)) < min(_BUFFERED, self._channel.out_window_size):
            for piece in pieces:
                self._channel.sendall(piece)  # type: ignore[arg-type]  # any buffer will do
            yield
            return
        thread = threading.Thread(target=self._send, args=(pieces,), daemon=True)
        thread.start()
        yield
        thread.join()

    def _send(self, pieces: Sequence[bytes | memoryview]) -> None:
        with contextlib.suppress(OSError, EOFError):  # the reader sees it, too
            for piece in pieces:
                self._channel.sendall(piece)  # type: ignore[arg-type]  # any buffer will do

    @during("connect")
    def _open_shell(self) -> paramiko.Channel:
        from paramiko import SSHException

        try:
            channel = self._connection.open_session(timeout=self._login.left)
            for buffer in (channel.in_buffer, channel.in_stderr_buffer):
                buffer.set_event(self._wake)
            channel.settimeout(max(AUTH_TIMEOUT, self._login.left))
            self._start(channel)
            channel.settimeout(None)  # a long program waits for the shell; the reader has deadlines
        except (SSHException, EOFError, OSError) as error:
            if self._connection.is_active() and "Timeout opening" in str(error):
                raise TimeoutError from None
            raise Unreachable(f"{self._target}: no shell: {self._why(str(error))}") from error
        return channel

    def _start(self, channel: paramiko.Channel) -> None:
        command, mark = entrance(self._target, terminal=self._terminal)
        channel.exec_command(command.text)
        if mark:
            read = functools.partial(channel.recv_stderr, _CHUNK)
            enter(self._target, mark, read, channel.sendall, self._run_beside)

    def _hear_beside(self, command: Command) -> bytes | None:
        """Return the output of a command of the login user; None if it cannot be run."""
        from paramiko import SSHException

        heard = b""
        try:
            with self._connection.open_session(timeout=AUTH_TIMEOUT) as channel:
                channel.settimeout(AUTH_TIMEOUT)
                channel.exec_command(command.text)
                while data := channel.recv(_CHUNK):
                    heard = (heard + data)[-_CHUNK:]
        except (SSHException, EOFError, OSError):
            # A shell that ends at once closes the channel before the request is answered.
            return heard if self._connection.is_active() else None
        return heard

    def _run_beside(self, command: Command) -> None:
        """Run a command on the host as the login user, before any `become`."""
        with self._connection.open_session(timeout=AUTH_TIMEOUT) as channel:
            channel.settimeout(AUTH_TIMEOUT)
            channel.exec_command(command.text)
            channel.recv_exit_status()


class _Wake(threading.Event):
    """
    Wakes the reader when either stream has something, or ends.

    paramiko's buffers set and clear an event each; cleared by one buffer it would
    hide what came on the other, so here only the reader clears.
    """

    def clear(self) -> None:
        """Nothing: only `wait` clears."""

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until something has come since the last time, for so many seconds."""
        came = super().wait(max(0.0, timeout or 0.0))
        super().clear()
        return came
