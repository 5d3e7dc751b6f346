"""The editing of a value in the user's editor, in a private file in memory."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from cookbook.errors import SecretError


def edited(text: str) -> str:
    """
    Return the edited text.

    Raises SecretError if there is no editor, it fails, or there is no memory for a file.
    """
    with _private() as folder:
        path = folder / "secret"
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
        _run_editor(path)
        after = path.read_text("utf-8")
    ended_before = text.endswith("\n")
    return after if ended_before or after.count("\n") != 1 else after.removesuffix("\n")


def _run_editor(path: Path) -> None:
    words = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
    try:
        status = subprocess.run([*words, str(path)], check=False).returncode
    except OSError as error:
        raise SecretError(f"{words[0]}: {error.strerror}", hint="name yours in EDITOR") from None
    if status != 0:
        raise SecretError(f"{words[0]} ended with status {status}; nothing was changed")


@contextlib.contextmanager
def _private() -> Iterator[Path]:
    """Make a private folder in memory; files that the editor left in it are overwritten, too."""
    places = [os.environ.get("XDG_RUNTIME_DIR", ""), "/dev/shm"]  # noqa: S108 - mkdtemp is private
    place = next((place for place in places if place and os.access(place, os.W_OK)), None)
    if place is None:
        raise SecretError(
            "there is no folder in memory to edit a secret in",
            hint="cook secret set takes it from standard input",
        )
    folder = Path(tempfile.mkdtemp(prefix="cook-", dir=place))
    try:
        yield folder
    finally:
        for path in folder.rglob("*"):
            _overwrite(path)
        shutil.rmtree(folder, ignore_errors=True)


def _overwrite(path: Path) -> None:
    with contextlib.suppress(OSError):
        if path.is_file() and not path.is_symlink():
            with path.open("r+b") as file:
                file.write(b"\0" * path.stat().st_size)
                file.flush()
                os.fsync(file.fileno())
