"""The start of the shell as another user: the command, and the password that it may ask for."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from typing import NamedTuple

from cookbook.errors import DeadlineExceeded, PasswordRefused, PrivilegeError
from cookbook.script.shell import Command, sh
from cookbook.secrets.secret import in_the_clear
from cookbook.text.diagnosis import why
from cookbook.transport.target import Target

# Said by sudo under LC_ALL=C where sudoers has `requiretty`.
_NO_TERMINAL = re.compile(r"must have a tty|no tty present")

# PAM's own prompt, which cannot be chosen; "su: " is how su begins a complaint.
_PROMPT = re.compile(rb"(?:\A|\n)(?!su: |doas: )[^\n]*:[ \t]*\Z")

# What su runs by a given shell: the login shell of the account is not used.
_SU = "env LC_ALL=C su -s /bin/sh -c {} {}"

_TERMINAL = (
    'exec script -qec "exec <&3 >&4 2>&5 3<&- 4>&- 5>&-; $COOK_START" /dev/null'
    " 3<&0 4>&1 5>&2 </dev/null >/dev/null"
)
"""
Gives a command a terminal without a peer: its three streams stay the pipes that they are. A
terminal of ssh(1) would join two streams and change the bytes.

A terminal of ssh(1)'s would make one stream of two, and change the bytes.
"""

_BY_TERMINAL = (
    "exec 3<&0 4>&1 5>&2;"
    " for _ in 1 2; do IFS= read -r line && printf '%s\\n' \"$line\"; done | {"
    ' script -qec "stty -echo; exec <&3 >&4 2>&5 3<&- 4>&- 5>&-; $COOK_START" /dev/null >&5 2>&5;'
    ' echo "$0!" >&5; }'
)
"""
Gives a command a terminal that passes two lines of input, and no more; its output goes to the error
stream. So doas(1) gets a password, which it reads from nothing else.
"""

_BEGIN_WHEN_TOLD = (
    'echo {0}. >&2; while read -r line </dev/tty && [ "$line" != {0} ]; do :; done; exec /bin/sh'
)
"""A shell that does not read its input until its terminal says that no other program reads it."""

_NUMBERED = 'echo "$0=$$" >&2; exec "$@"'
"""Says which process it will be."""


class WantsTerminal(Exception):
    """sudo starts nothing without a terminal."""


class Entrance(NamedTuple):
    """A command that becomes a shell of who is wanted."""

    command: Command
    mark: str = ""
    """
    The mark on the error stream: with `?` it asks for a password, with `.` it is a shell, with `=`
    comes its number, with `!` it has ended; "" if it asks for nothing.
    """


def entrance(target: Target, *, terminal: bool = False) -> Entrance:
    """Return the command that starts the shell; with a terminal, if sudo requires one."""
    if not target.becomes:
        return Entrance(sh("/bin/sh"))
    mark = secrets.token_hex(8)
    user, shell = target.become_user, f"echo {mark}. >&2; exec /bin/sh"
    match target.become:
        case "doas" if target.become_password is None:
            return Entrance(sh("doas -n -u {} /bin/sh", user))
        case "doas":
            return Entrance(_doas(user, mark), mark)
        case "su":
            return Entrance(sh(_SU, shell, user), mark)
        case _ if target.become_password is None:
            return Entrance(_sudo(sh("-n -H -u {} /bin/sh", user), terminal=terminal))
    words = sh("-S -H -p {} -u {} /bin/sh -c {}", f"{mark}?", user, shell)
    numbered = sh("/bin/sh -c {} {} {}", _NUMBERED, mark, _sudo(words, terminal=False))
    return Entrance(_in_terminal(numbered) if terminal else numbered, mark)


def _sudo(words: Command, *, terminal: bool) -> Command:
    start = sh("env LC_ALL=C sudo {}", words)
    return _in_terminal(start) if terminal else start


def _doas(user: str, mark: str) -> Command:
    start = sh("env LC_ALL=C doas -u {} /bin/sh -c {}", user, _BEGIN_WHEN_TOLD.format(mark))
    numbered = sh("/bin/sh -c {} {} {}", _NUMBERED, mark, start)
    return sh("env SHELL=/bin/sh COOK_START={} /bin/sh -c {} {}", numbered.text, _BY_TERMINAL, mark)


def _in_terminal(start: Command) -> Command:
    return sh("env SHELL=/bin/sh COOK_START={} /bin/sh -c {}", start.text, _TERMINAL)


def enter(
    target: Target,
    mark: str,
    read: Callable[[], bytes],
    write: Callable[[bytes], object],
    kill: Callable[[Command], object],
) -> None:
    """
    Give the password when it is asked for, and return when the shell has started.

    Sent earlier, the shell would read it if there is no prompt. A second prompt means that it was
    wrong: there is only one attempt. `read` returns what comes on the error stream, b"" at its
    end; it raises TimeoutError. `kill` runs a command beside: sudo takes the end of its input for
    one more wrong password, as PAM counts them, and sudo-rs for two.

    Raises PrivilegeError, PasswordRefused, DeadlineExceeded, or WantsTerminal.
    """
    said = _hear(target, mark, read, b"")
    given = _asks(target, mark, said)
    if given:
        if target.become_password is None:
            raise PrivilegeError(
                f"{target.become} wants a password", hint="give it with --ask-become-pass"
            )
        write(f"{in_the_clear(target.become_password)}\n".encode())
        said = _hear(target, mark, read, said)
    if f"{mark}.".encode() not in said:
        at_it = given and f"{mark}!".encode() not in said
        if at_it and (number := re.search(rf"{mark}=(\d+)".encode(), said)) is not None:
            kill(sh("kill -s KILL {}", number[1].decode()))
        raise _refused(target, mark, said, given=given)
    if target.become == "doas":  # the two lines that go by its terminal
        write(f"{mark}\n".encode() if given else f"\n{mark}\n".encode())


def wants_terminal(target: Target, said: str) -> bool:
    """Return whether the output of a failed start means that a terminal is required."""
    return target.become == "sudo" and _NO_TERMINAL.search(said) is not None


def did_not_start(target: Target, said: str) -> PrivilegeError:
    """Return the error for a tool that ended with this output."""
    tool, user = target.become, target.become_user
    message = f"{tool} did not start a shell: {said or 'it said nothing'}"
    if "script: " in said and "not found" in said:
        because, or_say = "sudoers has `requiretty`", f"`Defaults:{target.user} !requiretty`"
        if tool == "doas":
            because, or_say = "doas reads a password from a terminal only", "`permit nopass`"
        hint = (
            f"{because}, and the host has no script(1) to make a terminal with:"
            f" install bsdutils or util-linux, or say {or_say}"
        )
        return PrivilegeError(message, hint=hint)
    if tool == "doas" and "doas: Operation not permitted" in said:
        hint = f"doas.conf must say `permit {target.user} as {user}`, or with `nopass`"
        return PrivilegeError(message, hint=hint)
    if known := why(said):
        return PrivilegeError(message, **known)
    hint = (
        f"give the password with --ask-become-pass, or allow {target.user} to become {user}"
        " without one"
    )
    return PrivilegeError(message, hint=hint)


def _hear(target: Target, mark: str, read: Callable[[], bytes], before: bytes) -> bytes:
    """Read until the tool asks (again), the shell has started, or the stream ends."""
    said, more = before, b""
    ends = (f"{mark}.".encode(), f"{mark}!".encode())
    while not any(end in said for end in ends) and not _asks(target, mark, more):
        try:
            data = read()
        except TimeoutError:
            raise DeadlineExceeded(
                f"{target.become} neither asks for a password nor starts",
                hint=_last(said.decode(errors="replace")),
            ) from None
        if not data:
            break
        said, more = said + data, more + data
    return said


def _asks(target: Target, mark: str, said: bytes) -> bool:
    if target.become in ("su", "doas"):
        ours = said.rpartition(b"\n")[2].startswith(mark.encode())  # that of the started shell
        return not ours and f"{mark}.".encode() not in said and _PROMPT.search(said) is not None
    return f"{mark}?".encode() in said


def _refused(target: Target, mark: str, said: bytes, *, given: bool) -> Exception:
    prompts = rf"{mark}(=\d+|!)\n|(\[sudo: )?{mark}\?(\] Password: ?)?|\APassword: ?"
    prompts += r"|\r?doas \([^\n]*\) password: ?"
    words = re.sub(prompts, "", said.decode(errors="replace")).strip()
    if wants_terminal(target, words):
        return WantsTerminal()
    if not given:
        return did_not_start(target, _last(words) or "")
    whose = target.become_user if target.become == "su" else target.user
    return PasswordRefused(
        f"{target.become} did not accept the password of {whose}",
        cause=_last(words),
        hint="it is tried once: is it theirs, on that host, and may they do that?",
    )


def _last(words: str) -> str | None:
    return words.splitlines()[-1] if words else None
