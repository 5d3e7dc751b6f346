"""Secrets from a program that prints them: pass(1), vault, op, gopass."""

from __future__ import annotations

import functools
import subprocess

from cookbook.errors import SecretError
from cookbook.text.redaction import protect
from cookbook.text.user_dirs import secret_command

TIMEOUT = 60.0
"""Seconds; it may ask its user something."""

MOST_BYTES = 1024 * 1024


def get(name: str) -> str | None:
    """
    Return the output of the configured command for a name; None without a command.

    Raises SecretError if it fails: no exit status of it is known to mean "no such name".
    """
    words = secret_command()
    return None if words is None else _ask(tuple(word.replace("{name}", name) for word in words))


@functools.cache
def _ask(words: tuple[str, ...]) -> str:
    """No shell reads the words, so a name cannot mean anything to one."""
    try:
        done = subprocess.run(words, capture_output=True, check=False, timeout=TIMEOUT)
    except (OSError, subprocess.TimeoutExpired) as error:
        why = error.strerror if isinstance(error, OSError) else f"no answer in {TIMEOUT:g} s"
        raise SecretError(f"the command for secrets, {words[0]}: {why}") from None
    if done.returncode != 0:
        said = protect(done.stderr.decode(errors="replace").strip())
        raise SecretError(
            f"`{' '.join(words)}` ended with status {done.returncode}",
            hint=said or "it said nothing; run it yourself",
        )
    if len(done.stdout) > MOST_BYTES:
        raise SecretError(f"`{' '.join(words)}` printed more than {MOST_BYTES} bytes")
    try:
        return done.stdout.decode().removesuffix("\n")
    except UnicodeDecodeError:
        raise SecretError(f"`{' '.join(words)}` did not print UTF-8 text") from None
