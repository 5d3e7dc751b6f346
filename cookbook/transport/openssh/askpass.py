"""
The password for ssh(1): its SSH_ASKPASS program reads it from a pipe, once.

The pipe has a name in the private folder of masters, and nothing is written to a disk. A second
question means that the password was refused: ssh is ended before it makes another attempt.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from cookbook.errors import Unreachable
from cookbook.secrets.secret import Secret, in_the_clear

_PROGRAM = """\
#!/bin/sh
# Questions for a key, its PIN or its touch, are not answered here.
case ${SSH_ASKPASS_PROMPT:-}$1 in
*"'s password: " | "("*) ;;
*) exit 1 ;;
esac
[ -p "$COOK_ASKPASS" ] || kill -s KILL "$PPID"
IFS= read -r answer <"$COOK_ASKPASS" && rm -f "$COOK_ASKPASS" && printf '%s\\n' "$answer"
"""

_MOST_BYTES = 4000
"""The capacity of a pipe without a reader, see PIPE_BUF in pipe(7)."""


class PasswordAnswer(NamedTuple):
    """The password until ssh(1) has asked for it."""

    pipe: Path | None

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment for ssh(1)."""
        if self.pipe is None:
            return dict(os.environ)
        program = {"SSH_ASKPASS": str(_program(self.pipe.parent)), "SSH_ASKPASS_REQUIRE": "force"}
        return os.environ | program | {"COOK_ASKPASS": str(self.pipe)}

    @property
    def given(self) -> bool:
        """Return True if it was asked for."""
        return self.pipe is not None and not self.pipe.exists()


@contextlib.contextmanager
def one_answer(password: Secret | None, pipe: Path) -> Iterator[PasswordAnswer]:
    """
    Have a password at hand for one ssh(1), if there is any.

    Raises Unreachable for one that no prompt could take.
    """
    if password is None:
        yield PasswordAnswer(None)
        return
    line = f"{in_the_clear(password)}\n".encode()
    if len(line) > _MOST_BYTES or line.count(b"\n") > 1:
        raise Unreachable("the password to log in with is no line of text")
    os.mkfifo(pipe, 0o600)
    held = os.open(pipe, os.O_RDWR | os.O_CLOEXEC)  # what is in it stays for as long as this is
    try:
        os.write(held, line)
        yield PasswordAnswer(pipe)
    finally:
        os.close(held)
        pipe.unlink(missing_ok=True)


def _program(folder: Path) -> Path:
    program = folder / "askpass"
    if not program.exists():
        new = folder / f"askpass.{os.getpid()}.{os.urandom(4).hex()}"
        new.write_text(_PROGRAM)
        new.chmod(0o700)
        new.replace(program)
    return program
