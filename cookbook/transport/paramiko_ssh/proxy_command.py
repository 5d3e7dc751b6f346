"""A link that is a command's standard input and output (ProxyCommand in ssh_config(5))."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
import threading
from typing import IO, Self

from cookbook.errors import Unreachable

_PATIENCE = 1.0
"""Seconds that the command has to end by itself, once its link is closed."""

_MOST = 4096
"""The maximum number of bytes of its complaints that are shown."""


class CommandSocket(socket.socket):
    """
    One end of a socket pair; the command has the other one, and ends with the link.

    paramiko's own ProxyCommand reads by select(2), which is limited to 1024 open files, and leaves
    its child process.
    """

    _child: subprocess.Popen[bytes] | None = None
    _ending: threading.Lock
    _errors: IO[bytes] | None = None
    complaint = ""
    """The last line that the command had said on its standard error when the link was closed."""

    @classmethod
    def start(cls, command: str) -> Self:
        """
        Run a command by the user's shell, as ssh(1) does.

        Raises Unreachable if there is no shell.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            link = cls(ours.family, ours.type, fileno=ours.detach())
            link._ending = threading.Lock()
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

    def close(self) -> None:
        """Close the link, end the command and all that it started; safe to call twice."""
        super().close()
        with self._ending:  # paramiko closes it from a thread of its own, too
            if self._child is not None:
                _end(self._child)
                self._child = None
            if self._errors is not None:
                said = os.pread(self._errors.fileno(), _MOST, 0).decode(errors="replace")
                self.complaint = (said.strip().splitlines() or [""])[-1]
                self._errors.close()
                self._errors = None


def _end(child: subprocess.Popen[bytes]) -> None:
    """Ask the whole group to end, and see to it: what it started may not have listened."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, how)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(_PATIENCE)
