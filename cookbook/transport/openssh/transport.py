"""
SSH, by ssh(1): what paramiko cannot do (FIDO, GSSAPI, post-quantum exchanges of keys).

A master makes the connection and goes into the background; the shell is a session in it. So
what ssh says of the connection and what the host says never come by one stream. Each transport
has a master of its own: that one can still log in is only shown by logging in.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import subprocess
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import NoReturn

from cookbook.script.program import Pace, Program
from cookbook.script.shell import Command, sh
from cookbook.transport.become import WantsTerminal, did_not_start, enter, entrance, wants_terminal
from cookbook.transport.contract import Interrupted, Reply, TooSlow
from cookbook.transport.login import LoginWait, runs_nothing
from cookbook.transport.openssh.control_master import AUTH_TIMEOUT, Master
from cookbook.transport.pipes import CHUNK, PipeShell
from cookbook.transport.target import OpenSshOptions, Target

__all__ = ["OpenSshOptions", "OpenSshTransport"]

_SSH_FAILED = 255
"""The exit status of ssh(1) if it is not that of the command."""


class OpenSshTransport(PipeShell):
    """A persistent shell on another machine."""

    def __init__(self, target: Target, manner: OpenSshOptions | None = None) -> None:
        """
        Connect, check the host's key, authenticate, start the shell.

        Raises Unreachable, UntrustedHost, AuthenticationFailed, PrivilegeError or
        DeadlineExceeded.
        """
        self._target = target if manner is None else _in(target, manner)
        self._terminal = False
        self._master = Master(self._target)
        self._login = LoginWait(self._target)
        try:
            self._begin()
        except WantsTerminal:
            self._begin_anew()
        except BaseException:
            self.close()
            raise

    def exchange(self, program: Program, pace: Pace) -> Reply:
        """See Transport."""
        if not self._started:
            self._login.go_on()
            pace.shell_due = self._login.end
        try:
            return super().exchange(program, pace)
        except WantsTerminal:
            self._master = Master(self._target)
            self._login = LoginWait(self._target)
            self._begin_anew()
            self._login.go_on()
            pace.shell_due = self._login.end
            return super().exchange(program, pace)
        except Interrupted as error:
            if (bastion := self._master.lost_bastion) is None:
                raise
            said = f"the session has ended: the link to the bastion {bastion} was lost"
            raise Interrupted(said, error.reply) from None
        finally:
            self._login.over()

    def beside(self) -> None:
        """See HasBeside."""
        super().close()
        self._login = LoginWait(self._target)
        self._begin()

    def close(self) -> None:
        """See Transport."""
        self._login.over()
        if self._pulse is not None:
            self._pulse.end()
        for pipe in self._pipes:
            with contextlib.suppress(OSError):
                pipe.close()
        self._master.end()
        super().close()

    def _begin_anew(self) -> None:
        """Once more, with a terminal; there is nothing that began without."""
        super().close()
        self._terminal = True
        try:
            self._begin()
        except BaseException:
            self.close()
            raise

    def _begin(self) -> None:
        command, mark = entrance(self._target, terminal=self._terminal)
        super().__init__(self._session(command))
        alive = self._session(sh("true"))
        self._pulse: SessionPulse | None = SessionPulse(alive, self._target.alive_interval)
        if mark:
            stdin = self._pipes[0]
            enter(
                self._target,
                mark,
                self._read_error,
                lambda data: os.write(stdin.fileno(), data),
                self._run_beside,
            )
        self._login.pause()

    def _session(self, command: Command) -> list[str]:
        return [*self._master.session("-T"), command.text]

    def _read_error(self) -> bytes:
        stderr = self._pipes[2]
        with selectors.DefaultSelector() as selector:
            selector.register(stderr, selectors.EVENT_READ)
            if not selector.select(max(AUTH_TIMEOUT, self._login.left)):
                raise TimeoutError
        return os.read(stderr.fileno(), CHUNK)

    def _run_beside(self, command: Command) -> None:
        self._hear_beside(command)

    def _hear_beside(self, command: Command) -> bytes | None:
        """Return the output of a command of the login user; None if it cannot be run."""
        if not self._master.alive:
            return None
        try:
            done = subprocess.run(
                self._session(command),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=AUTH_TIMEOUT,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return None
        return None if done.returncode == _SSH_FAILED else done.stdout

    def _not_started(self, error: Interrupted | TooSlow, said: str) -> NoReturn:
        if isinstance(error, TooSlow):
            if time.monotonic() < self._login.end:
                raise error
            self.close()
            raise self._login.error from None
        becomes = self._target.becomes
        if becomes and not self._terminal and wants_terminal(self._target, said):
            raise WantsTerminal
        if (nothing := runs_nothing(self._target, said, self._hear_beside)) is not None:
            raise nothing from None
        if not becomes:
            raise error
        raise did_not_start(self._target, said) from None


class SessionPulse:
    """
    Asks a host for a sign of life by a session of its own in the same connection.

    ServerAliveInterval of ssh(1) would take a login that PAM holds up for a lost link: sshd does
    not answer meanwhile.
    """

    def __init__(self, command: Sequence[str], interval: float) -> None:
        """`interval` in seconds, of silence before the question and then of silence after it."""
        self._command = command
        self._interval = interval
        self._asked: subprocess.Popen[bytes] | None = None
        self.due = 0.0
        """When to look next, in seconds of time.monotonic()."""

        self.heard()

    def heard(self) -> None:
        """Note that something has come."""
        self.due = time.monotonic() + self._interval
        if self._asked is not None:
            self.end()

    def lost(self) -> bool:
        """Return whether the host has stopped answering; ask it if it is time to."""
        if time.monotonic() < self.due:
            return False
        if self._asked is None:
            nothing = subprocess.DEVNULL
            self._asked = subprocess.Popen(
                self._command, stdin=nothing, stdout=nothing, stderr=nothing
            )
            self.due += self._interval
        elif self._asked.poll() is None:
            return True
        else:  # even a refusal is an answer
            self.heard()
        return False

    def end(self) -> None:
        """Wait for no answer any more."""
        if self._asked is not None:
            self._asked.kill()
            self._asked.wait()
            self._asked = None


def _in(target: Target, manner: OpenSshOptions) -> Target:
    """Return the same target, with the options for it and all its bastions."""
    via = _in(target.via, manner) if target.via is not None else None
    return replace(target, manner=manner, via=via)
