"""One connection by ssh(1), in the background; sessions in it are other processes."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from cookbook.errors import Unreachable, during
from cookbook.retry import Retry, growing
from cookbook.text.bounded_io import content_of
from cookbook.transport.contract import BUSY_PAUSES
from cookbook.transport.login import closed
from cookbook.transport.openssh import bastion, control_dir
from cookbook.transport.openssh.askpass import one_answer
from cookbook.transport.openssh.options import options
from cookbook.transport.openssh.refusals import not_led_on, refusal, turned_away, was_dropped
from cookbook.transport.target import Target

AUTH_TIMEOUT = 30.0
"""Seconds for the exchange of keys, for those that are offered, and for sudo to ask."""

_ALONE = ("-o", "ControlMaster=no", "-o", "ProxyCommand=false", "-o", "LogLevel=ERROR")
"""Should the master be gone, a session must not make a connection by itself."""


class Master:
    """A connection that stands until `end`; made through the target's bastions, if it has any."""

    def __init__(self, target: Target, *, log_level: str = "ERROR") -> None:
        """
        Connect, check the host's key, and authenticate.

        An sshd with too many connections (MaxStartups) drops some before its greeting: the attempt
        is repeated until the connect deadline. Raises Unreachable, UntrustedHost or
        AuthenticationFailed.
        """
        self._target = target
        self.socket = control_dir.new_socket()
        self._log = Path(f"{self.socket}.log")
        self._options = options(target, log_level=log_level)
        self._gate = bastion.enter(target.via, to_bastion) if target.via is not None else None
        self._lost: Target | None = None
        try:
            self._connect()
        except BaseException:
            self.end()
            raise

    @property
    def way_through(self) -> str:
        """Return the ProxyCommand of a host behind this one; ssh(1) fills in %h and %p."""
        first, last = (
            shlex.join(words).replace("%", "%%")
            for words in (self.session("-W"), self.session()[-2:])
        )
        return f"{first.removesuffix(last)}'[%h]:%p' {last}"

    @property
    def alive(self) -> bool:
        """Return True if the master answers; its link may be silent nevertheless."""
        with socket.socket(socket.AF_UNIX) as one:
            try:
                one.connect(self.socket)
            except OSError:
                return False
        return True

    @property
    def lost_bastion(self) -> Target | None:
        """Return the bastion whose end has ended this connection; the nearest of several."""
        return self._gate.lost if self._gate is not None else self._lost

    def session(self, *words: str) -> list[str]:
        """Return the command for a session in it, or for a channel (`-W`)."""
        control = ["-F", "none", "-S", self.socket, *_ALONE]
        return ["ssh", *control, *words, "--", self._target.address]

    def end(self) -> None:
        """End it, and every session in it; safe to call twice."""
        gate, self._lost = self._gate, self.lost_bastion
        self._gate = None
        control_dir.end(self.socket)
        self._log.unlink(missing_ok=True)
        if gate is not None:
            gate.leave()

    @property
    def said(self) -> str:
        """Return its output."""
        try:
            return content_of(self._log).decode(errors="replace").strip()
        except OSError:
            return ""

    @during("connect")
    def _connect(self) -> None:
        deadline = time.monotonic() + self._target.connect_timeout
        tries = Retry(growing(*BUSY_PAUSES), deadline, hurried=False)
        attempts = 1
        while (error := self._attempt(deadline)) is not None:
            if not tries.again():
                raise turned_away(self._target, attempts, error)
            attempts += 1

    def _attempt(self, deadline: float) -> str | None:
        """Connect; return the output if the server closed the connection before its greeting."""
        patience = max(1.0, deadline - time.monotonic()) + AUTH_TIMEOUT
        self._log.unlink(missing_ok=True)
        with one_answer(self._target.password, Path(f"{self.socket}.pass")) as answer:
            status = self._run(self._command, answer.environment, patience)
            given = answer.given
        if status == 0:
            return None
        said = self.said
        if self._gate is not None:
            self._look_at(self._gate, said)
        if was_dropped(said) and not given:
            return said.splitlines()[-1]
        if not said and not given and (words := self._closing_words(patience)):
            raise closed(self._target, words)
        raise refusal(self._target, said, password_given=given or status == -signal.SIGKILL)

    def _closing_words(self, patience: float) -> str:
        """Return the message of a host that ends the login; ssh(1) shows it only if asked to."""
        self._log.unlink(missing_ok=True)
        loud = ["LogLevel=INFO" if word == "LogLevel=ERROR" else word for word in self._command]
        if self._run(loud, os.environ, patience) == 0:
            return ""  # it was for a moment only: the caller says that nothing was said
        lines = (line.strip() for line in self.said.splitlines())
        return "\n".join(line for line in lines if line and not was_dropped(line))

    def _look_at(self, gate: bastion.MasterPassage, said: str) -> None:
        """Raise the error if it is the bastion's."""
        if (lost := gate.lost) is not None:
            raise bastion.lost(lost)
        if (error := not_led_on(self._target, said, gate.said)) is not None:
            raise error

    @property
    def _command(self) -> list[str]:
        words = ["ssh", "-fNM", "-S", self.socket, "-E", str(self._log), *self._options]
        if self._gate is not None:  # what that complains of, ssh would throw away
            log = shlex.quote(str(self._log)).replace("%", "%%")
            words += ["-o", f"ProxyCommand={self._gate.command} 2>>{log}"]
        return [*words, "--", self._target.address]

    def _run(self, command: Sequence[str], environment: Mapping[str, str], patience: float) -> int:
        with self._log.open("ab") as errors:  # the master keeps it: a pipe would not end
            try:
                return subprocess.run(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=errors,
                    start_new_session=True,
                    timeout=patience,
                    check=False,
                    env=_patient(environment, self._target.connect_timeout),
                ).returncode
            except FileNotFoundError:
                raise Unreachable("there is no ssh(1) on this machine") from None
            except subprocess.TimeoutExpired:
                raise Unreachable(f"{self._target}: no session within {patience:g} s") from None


def _patient(environment: Mapping[str, str], connect_timeout: float) -> Mapping[str, str]:
    """
    Return the environment with a limit for each question to a name server, unless it has one.

    ConnectTimeout of ssh(1) does not hold there: by resolv.conf(5) two tries take 10 s, for each
    server and each domain to be searched. The limit is a quarter of the connect timeout.
    """
    seconds = min(5, max(1, int(connect_timeout / 4)))
    return {"RES_OPTIONS": f"timeout:{seconds} attempts:2", **environment}


def to_bastion(target: Target) -> Master:
    """Return a new connection to a bastion; its log says which channel was refused."""
    return Master(target, log_level="INFO")
