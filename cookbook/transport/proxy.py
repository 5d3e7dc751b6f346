"""A link that is a command's standard input and output (ProxyCommand in ssh_config(5))."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
from typing import IO, Self

from cookbook.errors import Unreachable

_PATIENCE = 1.0
"""Seconds that the command has to end by itself, once its link is closed."""


class CommandSocket(socket.socket):
    """
    Our end of a socket pair; the command has the other one, and ends with the link.

    paramiko's own ProxyCommand reads by select(2), which ends at 1024 open files, and leaves
    its child behind.
    """

    _child: subprocess.Popen[bytes] | None = None
    _errors: IO[bytes] | None = None

    @classmethod
    def start(cls, command: str) -> Self:
        """
        Run a command by the user's shell, as ssh(1) does.

        Raises Unreachable if there is no shell.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            link = cls(ours.family, ours.type, fileno=ours.detach())
            link._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the link
            shell = os.environ.get("SHELL") or "/bin/sh"
            try:
                link._child = subprocess.Popen(
                    [shell, "-c", f"exec {command}"],
                    stdin=theirs.fileno(),
                    stdout=theirs.fileno(),
                    stderr=link._errors,
                    start_new_session=True,
                )
            except OSError as error:
                link.close()
                raise Unreachable(f"ProxyCommand: {shell}: {error.strerror}") from None
        return link

    @property
    def complaint(self) -> str:
        """The last line that the command has said on its standard error."""
        if self._errors is None:
            return ""
        said = os.pread(self._errors.fileno(), 4096, 0).decode(errors="replace")
        return (said.strip().splitlines() or [""])[-1]

    def close(self) -> None:
        """Close the link, end the command and all that it started; safe to call twice."""
        child, self._child = self._child, None
        super().close()
        if child is None:
            return
        for how in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, how)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(_PATIENCE)
                return
