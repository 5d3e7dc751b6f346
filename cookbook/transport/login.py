"""
The wait for a shell on a host that has taken the key, and the reasons why there is none.

PAM and systemd-logind may take long to open a session (a D-Bus or LDAP time-out, a user manager
that starts slowly). The host is there, so this wait has a limit of its own, and only one session
is open.
"""

from __future__ import annotations

import re
import secrets
import threading
import time
from collections.abc import Callable

from cookbook.errors import AuthenticationFailed, Unreachable
from cookbook.script.shell import Command, sh
from cookbook.text.diagnosis import why
from cookbook.transport.target import Target

SAY_AFTER = 5.0
"""Seconds of waiting before the operator is told of it."""


class LoginWait:
    """One wait: its end, and a note to the operator if it lasts."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._rest = target.login_timeout
        self.go_on()

    def go_on(self) -> None:
        """Begin the wait, or continue it after `pause`."""
        self.end = time.monotonic() + self._rest
        """In seconds of time.monotonic()."""
        said = f"the key was accepted; waiting up to {self._target.login_timeout:g} s for a shell"
        self._note = threading.Timer(SAY_AFTER, self._target.waiting, (said,))
        self._note.daemon = True
        self._note.start()

    def pause(self) -> None:
        """Count no time until `go_on`: the run prepares what it sends to the shell."""
        self._rest = self.left
        self.over()

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
            hint="look at PAM, systemd-logind and the name server there (sudo looks up the host's"
            " name, if /etc/hosts does not have it), or set a longer login_timeout in hosts.yml",
        )


def closed(target: Target, said: str, besides: str = "") -> AuthenticationFailed:
    """Return the error for a host that ends the login with a message of its own."""
    hint = (
        "that is the host's own message: /etc/nologin there keeps out all but root, and"
        f" `chage -l {target.user}` shows whether the account has expired"
    )
    return AuthenticationFailed(
        f"{target} has ended the login: {said}", hint=f"{hint}; {besides}" if besides else hint
    )


def runs_nothing(
    target: Target, said: str, hear: Callable[[Command], bytes | None]
) -> AuthenticationFailed | None:
    """
    Return the error if the login runs no command at all, so that no `become` was reached.

    `hear` returns the output of a command of the login user, or None if it cannot be run now.
    """
    tool = f"{target.become}: "
    if target.becomes and any(line.startswith(tool) for line in said.splitlines()):
        return None
    mark = secrets.token_hex(8)
    heard = hear(sh("echo {}", mark))
    if heard is None or mark.encode() in heard:
        return None
    message = f"{target} takes the key, but runs no command: {said or 'it said nothing'}"
    if re.search(_EXPIRED, said):
        return AuthenticationFailed(
            message,
            cause=f"the password of {target.user} has expired, and the host wants a new one first",
            hint="log in at a terminal and change it (`ssh -t`), or have root lift that:"
            f" `chage -M -1 {target.user}`",
        )
    if known := why(said):
        return AuthenticationFailed(message, **known)
    return AuthenticationFailed(
        message,
        hint=f"is its shell /bin/false (`getent passwd {target.user}` there), or is there a"
        " ForceCommand in sshd_config, or a `command=` in authorized_keys?",
    )


_EXPIRED = r"(?i)password (has )?expired|password change required|required to change your password"
