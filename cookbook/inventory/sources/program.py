"""The source `program`: an executable that prints the inventory JSON of Ansible."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from cookbook.errors import Failed, ended
from cookbook.inventory.sources.ansible import inventory_of
from cookbook.inventory.sources.query import SourceQuery, texts_of
from cookbook.text.bounded_io import parsed_object

MOST_BYTES = 32 * 1024**2
"""Bytes that a program may print."""

_KEPT = 4000
"""Bytes at the end of its error stream that an error shows."""

_CHUNK = 1 << 16

_LOOK = 0.2
"""Seconds between two looks whether the answer is still wanted."""


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
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=query.folder,
            start_new_session=True,
        )
    except OSError as error:
        hint = "its first line must name its interpreter: #!/usr/bin/env python3"
        no_format = error.errno == 8
        raise query.failure(
            f"{words[0]} cannot be run: {(error.strerror or str(error)).lower()}",
            hint=hint if no_format else None,
        ) from None
    try:
        output, said = _read(query, process)
        status = process.wait(max(0.1, query.timeout))
    except subprocess.TimeoutExpired:
        raise _too_slow(query) from None
    finally:
        _end(process)
    if status != 0:
        tail = said[-_KEPT:].decode(errors="replace").strip()
        raise query.failure(
            f"it {ended(status)}",
            hint=None if tail else f"it said nothing; run it yourself: {shown}",
            failed=Failed(shown, status, tail),
        )
    return output


def _check(query: SourceQuery, path: Path) -> None:
    if not path.is_file():
        raise query.error(f"there is no program {path}")
    if not os.access(path, os.X_OK):
        raise query.error(f"{path} is not executable", hint=f"chmod +x {path}")


def _read(query: SourceQuery, process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    """Read both streams side by side, each no longer than it may be."""
    assert process.stdout  # noqa: S101 - both were asked for
    assert process.stderr  # noqa: S101
    end = time.monotonic() + query.timeout
    kept = {process.stdout: bytearray(), process.stderr: bytearray()}
    with selectors.DefaultSelector() as selector:
        for stream in kept:
            selector.register(stream, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(max(0.0, min(_LOOK, end - time.monotonic())))
            if time.monotonic() >= end:
                raise _too_slow(query)
            if query.cancelled.is_set():
                raise query.failure("it was interrupted")
            for key, _ in ready:
                _take(kept, key.fileobj, selector)  # type: ignore[arg-type]  # one of the two
            if len(kept[process.stdout]) > MOST_BYTES:
                raise query.failure(f"it printed more than {MOST_BYTES // 1024**2} MiB")
            del kept[process.stderr][:-_KEPT]
    return bytes(kept[process.stdout]), bytes(kept[process.stderr])


def _take(
    kept: Mapping[IO[bytes], bytearray], stream: IO[bytes], selector: selectors.BaseSelector
) -> None:
    data = os.read(stream.fileno(), _CHUNK)
    kept[stream].extend(data)
    if not data:
        selector.unregister(stream)


def _too_slow(query: SourceQuery) -> Exception:
    return query.failure(
        f"no answer in {query.timeout:g} s", hint="give it longer: timeout: 120 beside it"
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the program with all that it has started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()
