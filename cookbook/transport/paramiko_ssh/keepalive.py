"""The check whether the other end of a silent SSH connection still answers."""

from __future__ import annotations

import fcntl
import socket
import struct
import termios
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import paramiko


class Keepalive:
    """
    The sign of life that a host is asked for, as ServerAliveInterval of ssh_config(5) does.

    A slow command is no silence: sshd answers nevertheless. TCP's keepalive would only reach a
    proxy that answers in the place of the host.
    """

    def __init__(
        self, connection: paramiko.Transport, interval: float, wake: Callable[[], object]
    ) -> None:
        """Create it; `interval` is the seconds of silence before the question, and after it."""
        self._connection = connection
        self._interval = interval
        self._wake = wake
        self._asked = False
        self._unsent = 0
        self.heard()

    def heard(self) -> None:
        """Something has come."""
        self._due = time.monotonic() + self._interval
        self._asked = False

    @property
    def due(self) -> float:
        """When to look next, in seconds of time.monotonic()."""
        return self._due

    def lost(self) -> bool:
        """Return whether the host has stopped answering; ask it if it is time to."""
        if time.monotonic() < self._due:
            return False
        before, self._unsent = self._unsent, _unsent(self._connection)
        if self._unsent < before:
            self.heard()  # a slow link, on which sending takes time
        elif self._asked:
            return True
        else:
            self._asked = True
            self._due += self._interval
            threading.Thread(target=self._ask, daemon=True).start()
        return False

    def _ask(self) -> None:
        # It waits for the answer, whatever that is, or for the end of the connection.
        self._connection.global_request("keepalive@openssh.com", wait=True)
        if self._connection.is_active():
            self.heard()
            self._wake()


def _unsent(connection: paramiko.Transport) -> int:
    """Bytes that the host has not acknowledged yet: TIOCOUTQ, see tcp(7)."""
    if not isinstance(connection.sock, socket.socket):
        return 0  # a bastion's channel
    try:
        answer = fcntl.ioctl(connection.sock, termios.TIOCOUTQ, struct.pack("i", 0))
    except OSError:
        return 0
    return int(struct.unpack("i", answer)[0])
