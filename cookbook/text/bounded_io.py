"""Files and texts of others, read as far as one of theirs can reasonably be long or deep."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

MOST_BYTES = 10 * 1024**2


def content_of(path: Path, most: int = MOST_BYTES) -> bytes:
    """
    Return the content of a file, which may also be a pipe or an endless device.

    Raises OSError, also for more than `most` bytes.
    """
    with path.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"larger than {most // 1024**2} MiB")
    return content


def parsed_json(text: str | bytes) -> Any:
    """JSON; whatever is wrong with it, also that it is nested too deeply, is a ValueError."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def parsed_object(text: str | bytes) -> dict[str, Any]:
    """Return the object that a JSON text is. Raises ValueError for any other text."""
    found = parsed_json(text)
    if not isinstance(found, dict):
        raise ValueError("it is no object")  # noqa: TRY004 - the text is wrong, not a type
    return found
