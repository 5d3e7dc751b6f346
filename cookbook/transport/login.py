"""
The wait for a shell on a host that has taken the key.

PAM and systemd-logind may take long to open a session (a D-Bus or LDAP time-out, a user manager
that starts slowly). The host is there, so this wait has a limit of its own, and only one session
is open.
"""

from __future__ import annotations

import threading
import time

from cookbook.errors import Unreachable
from cookbook.transport.target import Target

SAY_AFTER = 5.0
"""Seconds of waiting before the operator is told of it."""


class LoginWait:
    """One wait: its end, and a note to the operator if it lasts."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self.end = time.monotonic() + target.login_timeout
        """In seconds of time.monotonic()."""
        said = f"the key was accepted; waiting up to {target.login_timeout:g} s for a shell"
        self._note = threading.Timer(SAY_AFTER, target.waiting, (said,))
        self._note.daemon = True
        self._note.start()

    @property
    def left(self) -> float:
        """Seconds that it may still last."""
        return max(0.1, self.end - time.monotonic())

    def over(self) -> None:
        """Say nothing any more: the shell is there, or the wait was given up."""
        self._note.cancel()

    @property
    def error(self) -> Unreachable:
        """The error where no shell came."""
        return Unreachable(
            f"{self._target}: takes the key, but opens no shell within"
            f" {self._target.login_timeout:g} s",
            hint="look at PAM and systemd-logind there, or set a longer login_timeout in hosts.yml",
        )
