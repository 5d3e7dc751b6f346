"""The error of the last transfer of journals to the store, kept in a file until it was told."""

from __future__ import annotations

from pathlib import Path

_FAILURE = "failed"
_LONGEST = 2000


def keep_failure(folder: Path, error: Exception) -> None:
    """Keep the error of a transfer from this folder of journals."""
    (folder / _FAILURE).write_text(str(error), "utf-8")


def forget_failure(folder: Path) -> None:
    """Forget the error: a later transfer has succeeded."""
    (folder / _FAILURE).unlink(missing_ok=True)


def take_failure(folder: Path) -> str | None:
    """Return the error of the last transfer, once; None if there is none."""
    path = folder / _FAILURE
    try:
        reason = path.read_text("utf-8", "replace")[:_LONGEST]
        path.unlink()
    except OSError:
        return None
    return f"runs could not be sent to the store when they were over: {reason}"
