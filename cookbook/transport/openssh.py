"""
SSH, by ssh(1): what paramiko cannot do (FIDO, GSSAPI, post-quantum exchanges of keys).

A master makes the connection and goes into the background; the shell is a session in it. So
what ssh says of the connection and what the host says never come by one stream. Each transport
has a master of its own: that one can still log in is only shown by logging in.
"""

from __future__ import annotations

import contextlib
import math
import os
import selectors
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from cookbook.errors import AuthenticationFailed, Unreachable, UntrustedHost
from cookbook.shell import Command
from cookbook.transport import Interrupted, Reply, TooSlow, masters
from cookbook.transport.become import WantsTerminal, did_not_start, enter, entrance, wants_terminal
from cookbook.transport.pipes import CHUNK, PipeShell
from cookbook.transport.target import Target
from cookbook.wire import Pace, Program

_AUTH_TIMEOUT = 30.0
"""Seconds for the exchange of keys, for those that are offered, and for sudo to ask."""

ALWAYS = (
    "BatchMode=yes",
    "StrictHostKeyChecking=yes",
    "UpdateHostKeys=no",
    "ClearAllForwardings=yes",
    "ForwardAgent=no",
    "ForwardX11=no",
    "PermitLocalCommand=no",
    "RequestTTY=no",
    "RemoteCommand=none",
    "ServerAliveCountMax=1",
    "ControlPersist=60",
    "LogLevel=ERROR",
)


@dataclass(frozen=True)
class Manner:
    """What ssh(1) is told of a target, beside what it reads in its own configuration."""

    said: frozenset[str] | None = None
    """The settings that win over the configuration; None: all of them."""
    config: str = ""
    """The file to read instead of the usual ones, or `none`."""
    direct: bool = False
    """Whether no bastion is gone through, whatever the configuration says."""


class OpenSshTransport(PipeShell):
    """A persistent shell on another machine."""

    def __init__(self, target: Target, manner: Manner | None = None) -> None:
        """
        Connect, check the host's key, authenticate, start the shell.

        Raises Unreachable, UntrustedHost, AuthenticationFailed, PrivilegeError or
        DeadlineExceeded.
        """
        self._target = target
        self._manner = manner or Manner()
        self._terminal = False
        self._socket = masters.new_socket()
        self._connect()
        try:
            self._begin()
        except WantsTerminal:
            self._begin_anew()
        except BaseException:
            self.close()
            raise

    def exchange(self, program: Program, pace: Pace) -> Reply:
        """See Transport."""
        try:
            return super().exchange(program, pace)
        except WantsTerminal:
            self._connect()
            self._begin_anew()
            return super().exchange(program, pace)

    def close(self) -> None:
        """See Transport."""
        for pipe in self._pipes:
            with contextlib.suppress(OSError):
                pipe.close()
        masters.end(self._socket)
        super().close()

    def _connect(self) -> None:
        target = self._target
        command = ["ssh", "-fNM", "-S", self._socket, *options(target, self._manner)]
        patience = target.connect_timeout + _AUTH_TIMEOUT
        with tempfile.TemporaryFile() as errors:  # the master keeps it: a pipe would not end
            try:
                done = subprocess.run(
                    [*command, "--", target.address],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=errors,
                    start_new_session=True,
                    timeout=patience,
                    check=False,
                )
            except FileNotFoundError:
                raise Unreachable("there is no ssh(1) on this machine") from None
            except subprocess.TimeoutExpired:
                raise Unreachable(f"{target}: no session within {patience:g} s") from None
            if done.returncode != 0:
                said = os.pread(errors.fileno(), CHUNK, 0).decode(errors="replace").strip()
                raise refusal(target, said)

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
        super().__init__([*self._session, command.text])
        if mark:
            stdin = self._pipes[0]
            enter(
                self._target,
                mark,
                self._read_error,
                lambda data: os.write(stdin.fileno(), data),
                self._run_beside,
            )

    @property
    def _session(self) -> list[str]:
        # Should the master be gone, the session must not make a connection by itself.
        alone = ["-o", "ControlMaster=no", "-o", "ProxyCommand=false", "-o", "LogLevel=ERROR"]
        return ["ssh", "-T", "-F", "none", "-S", self._socket, *alone, "--", self._target.address]

    def _read_error(self) -> bytes:
        stderr = self._pipes[2]
        with selectors.DefaultSelector() as selector:
            selector.register(stderr, selectors.EVENT_READ)
            if not selector.select(_AUTH_TIMEOUT):
                raise TimeoutError
        return os.read(stderr.fileno(), CHUNK)

    def _run_beside(self, command: Command) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run(
                [*self._session, command.text],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_AUTH_TIMEOUT,
                check=False,
            )

    def _not_started(self, error: Interrupted | TooSlow, said: str) -> NoReturn:
        if isinstance(error, TooSlow) or not self._target.becomes:
            raise error
        if not self._terminal and wants_terminal(self._target, said):
            raise WantsTerminal
        raise did_not_start(self._target, said) from None


def options(target: Target, manner: Manner) -> list[str]:
    """What ssh(1) is told for a target."""
    seconds = {
        "ConnectTimeout": max(1, math.ceil(target.connect_timeout)),
        "ServerAliveInterval": max(1, math.ceil(target.alive_interval)),
    }
    told = [*ALWAYS, *(f"{key}={value}" for key, value in seconds.items())]
    said = manner.said

    def tell(setting: str, *words: str) -> None:
        if said is None or setting in said:
            told.extend(words)

    tell("user", f"User={target.user}")
    tell("port", f"Port={target.port}")
    tell("identity_file", *(f"IdentityFile={_quoted(file)}" for file in target.identity_files))
    tell("identities_only", f"IdentitiesOnly={'yes' if target.identities_only else 'no'}")
    files = " ".join(map(_quoted, target.known_hosts))
    tell("known_hosts", f"UserKnownHostsFile={files or 'none'}", "GlobalKnownHostsFile=none")
    if manner.direct:
        told.append("ProxyJump=none")
    if not target.agent:
        told.append("IdentityAgent=none")
    config = ["-F", manner.config] if manner.config else []
    return [*config, *(word for option in told for word in ("-o", option))]


def _quoted(file: Path) -> str:
    """A path as ssh_config(5) reads it: percent signs and quotes mean something there."""
    return '"' + str(file).replace("%", "%%").replace('"', '\\"') + '"'


def refusal(target: Target, said: str) -> Unreachable:
    """The error for a connection that ssh(1) did not make, in its words."""
    last = said.splitlines()[-1] if said else "ssh said nothing"
    if "REMOTE HOST IDENTIFICATION HAS CHANGED" in said:
        return UntrustedHost(f"the key of {target} has CHANGED: {last}", hint=said)
    if "REVOKED" in said or "revoked" in said:
        return UntrustedHost(f"the key of {target} is revoked: {last}", hint=said)
    if "Host key verification failed" in said:
        return UntrustedHost(
            f"{target}: {said.splitlines()[0]}", hint="`cook trust` shows its keys, and takes them"
        )
    if "Permission denied (" in said or "Too many authentication failures" in said:
        return AuthenticationFailed(
            f"{target}: {last}", hint=f"`ssh -v {target.address}` says which keys were tried"
        )
    return Unreachable(f"{target}: {last}")
