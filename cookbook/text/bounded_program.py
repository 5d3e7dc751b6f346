"""Programs of others, run for so long, and heard as far as one can reasonably print."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

MOST_PRINTED = 1024**2
"""Bytes that most programs may print."""

_KEPT = 4000
"""Bytes at the end of the error stream that are kept."""

_CHUNK = 1 << 16

_LOOK = 0.2
"""Seconds between two looks whether the answer is still wanted."""


class ProgramStopped(Exception):
    """A program that was ended: it took too long, printed too much, or is not wanted any more."""

    def __init__(self, why: Literal["time", "output", "cancelled"], message: str) -> None:
        """`message` goes on after the name of the program: `did not end within 20 s`."""
        super().__init__(message)
        self.why = why


@dataclass(frozen=True)
class ProgramEnd:
    """The end of a program, and what it has printed."""

    status: int
    """The exit status; negative if a signal ended it."""
    output: bytes
    error_output: bytes
    """The last bytes of its error stream."""

    @property
    def text(self) -> str:
        """The output as text, without white space around it."""
        return self.output.decode(errors="replace").strip()

    @property
    def error_text(self) -> str:
        """The last lines of the error stream, without white space around them."""
        return self.error_output.decode(errors="replace").strip()


def run_bounded(
    words: Sequence[str],
    *,
    seconds: float,
    most: int = MOST_PRINTED,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    given: bytes = b"",
    cancelled: threading.Event | None = None,
) -> ProgramEnd:
    """
    Run a program to its end; no shell reads the words. `given` is its standard input.

    Raises OSError if it cannot be begun, and ProgramStopped if it takes longer than `seconds`,
    prints more than `most` bytes, or `cancelled` is set. It is ended then, with all that it has
    begun.
    """
    with tempfile.TemporaryFile() as standard_input:
        standard_input.write(given)
        standard_input.seek(0)
        process = subprocess.Popen(
            words,
            stdin=standard_input,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env=environment,
            start_new_session=True,
        )
    has_ended = False
    end = time.monotonic() + seconds
    try:
        output, error_output = _read(process, end, most, cancelled)
        status = process.wait(max(0.1, end - time.monotonic()))
        has_ended = True
    except (subprocess.TimeoutExpired, TimeoutError):
        raise ProgramStopped("time", f"did not end within {seconds:g} s") from None
    finally:
        _close(process, kill=not has_ended)
    return ProgramEnd(status, output, error_output)


def _read(
    process: subprocess.Popen[bytes], end: float, most: int, cancelled: threading.Event | None
) -> tuple[bytes, bytes]:
    """Read both streams side by side, each no longer than it may be. Raises TimeoutError, too."""
    output, error_output = bytearray(), bytearray()
    with selectors.DefaultSelector() as selector:
        for stream, kept in ((process.stdout, output), (process.stderr, error_output)):
            if stream is not None:
                selector.register(stream, selectors.EVENT_READ, kept)
        while selector.get_map():
            ready = selector.select(max(0.0, min(_LOOK, end - time.monotonic())))
            if time.monotonic() >= end:
                raise TimeoutError
            if cancelled is not None and cancelled.is_set():
                raise ProgramStopped("cancelled", "was interrupted")
            for key, _ in ready:
                data = os.read(key.fd, _CHUNK)
                key.data.extend(data)
                if not data:
                    selector.unregister(key.fileobj)
            if len(output) > most:
                raise ProgramStopped("output", f"printed more than {most // 1024**2} MiB")
            del error_output[:-_KEPT]
    return bytes(output), bytes(error_output)


def _close(process: subprocess.Popen[bytes], *, kill: bool) -> None:
    """Close the streams; end the program before, with all that it has begun, if wanted."""
    if kill:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()
