"""
The private folder of the masters of ssh(1), and the removal of what killed runs left there.

Each run has one, and holds a lock on a file in it while it lives.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import functools
import itertools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

_NAME = "cook-ssh-"
_LOCK = "lock"
_TIMEOUT = 5.0
_LONGEST = 48

_numbers = itertools.count(1)


def new_socket() -> str:
    """Return a path for one more master; end those of runs that do not exist any more."""
    return str(_folder() / f"{next(_numbers)}")


def end(socket: str) -> None:
    """End a master, and every session in it; safe to call twice."""
    if not Path(socket).exists():
        return
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        subprocess.run(
            ["ssh", "-F", "none", "-S", socket, "-O", "exit", "--", "it"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT,
            check=False,
        )
    Path(socket).unlink(missing_ok=True)


@functools.cache
def _folder() -> Path:
    place = _place()
    for old in place.glob(f"{_NAME}*"):
        if old.is_dir() and not old.is_symlink() and old.stat().st_uid == os.getuid():
            _clear(old)
    folder = Path(tempfile.mkdtemp(prefix=_NAME, dir=place))
    new = folder / f"{_LOCK}.new"
    held = os.open(new, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    fcntl.flock(held, fcntl.LOCK_EX)
    new.rename(folder / _LOCK)  # before it is locked, another run would take its owner for dead
    atexit.register(_end_all, folder)
    return folder


def _place() -> Path:
    """Return a short path: that of a socket has at most about 100 bytes, see unix(7)."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    fits = runtime.startswith("/") and len(runtime) < _LONGEST and os.access(runtime, os.W_OK)
    return Path(runtime if fits else "/tmp")  # noqa: S108 - a private folder is made there


def _clear(folder: Path) -> None:
    """Unless the run that has made it lives, or is only just making it."""
    try:
        held = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _end_all(folder)
    except BlockingIOError:
        pass
    finally:
        os.close(held)


def _end_all(folder: Path) -> None:
    for socket in folder.glob("[0-9]*"):
        end(str(socket))
    shutil.rmtree(folder, ignore_errors=True)
