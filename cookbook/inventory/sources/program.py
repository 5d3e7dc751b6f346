"""The source `program`: an executable that prints the inventory JSON of Ansible."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from cookbook.errors import Failed, ended
from cookbook.inventory.sources.ansible import inventory_of
from cookbook.inventory.sources.query import SourceQuery, texts_of
from cookbook.text.bounded_io import parsed_object
from cookbook.text.bounded_program import ProgramStopped, run_bounded

MOST_BYTES = 32 * 1024**2
"""Bytes that a program may print."""


def hosts(query: SourceQuery) -> Mapping[str, object]:
    """Run the program with --list, and translate what it prints."""
    words = texts_of(query.value, "program")
    path = query.folder / os.path.expanduser(words[0])  # noqa: PTH111 - Path.expanduser raises RuntimeError
    _check(query, path)
    return translated(query, run(query, [str(path), *words[1:], "--list"]))


def translated(query: SourceQuery, output: bytes) -> Mapping[str, object]:
    """Return what a program printed in the shape of a hosts.yml. Raises SourceError."""
    try:
        document = parsed_object(output)
    except ValueError as error:
        begin = output[:60].decode(errors="replace")
        raise query.failure(
            f"it printed no JSON object: {error}", hint=f"it began with {begin!r}"
        ) from None
    return inventory_of(document, query)


def run(query: SourceQuery, words: Sequence[str]) -> bytes:
    """
    Return what a program prints; no shell reads the words.

    Raises SourceError if it cannot be run, fails, takes too long or prints too much.
    """
    shown = " ".join(words)
    try:
        done = run_bounded(
            words,
            seconds=query.timeout,
            most=MOST_BYTES,
            folder=query.folder,
            cancelled=query.cancelled,
        )
    except OSError as error:
        hint = "its first line must name its interpreter: #!/usr/bin/env python3"
        raise query.failure(
            f"{words[0]} cannot be run: {(error.strerror or str(error)).lower()}",
            hint=hint if error.errno == errno.ENOEXEC else None,
        ) from None
    except ProgramStopped as stopped:
        if stopped.why == "time":
            raise _too_slow(query) from None
        raise query.failure(f"it {stopped}") from None
    if done.status != 0:
        raise query.failure(
            f"it {ended(done.status)}",
            hint=None if done.error_text else f"it said nothing; run it yourself: {shown}",
            failed=Failed(shown, done.status, done.error_text),
        )
    return done.output


def _check(query: SourceQuery, path: Path) -> None:
    if not path.is_file():
        raise query.error(f"there is no program {path}")
    if not os.access(path, os.X_OK):
        raise query.error(f"{path} is not executable", hint=f"chmod +x {path}")


def _too_slow(query: SourceQuery) -> Exception:
    return query.failure(
        f"no answer in {query.timeout:g} s", hint="give it longer: timeout: 120 beside it"
    )
