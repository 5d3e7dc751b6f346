"""Answers of sources that are kept on this machine, in the private folder of the user's state."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from cookbook.text.bounded_io import content_of, parsed_object
from cookbook.text.user_dirs import private_folder, replace_private, state_folder

if TYPE_CHECKING:
    from cookbook.inventory.sources.entries import DeclaredSource

_SCHEMA = 1
_MOST_BYTES = 64 * 1024**2
_LONGEST = 400 * 86400.0
"""Seconds after which an answer is dropped, whatever age an inventory accepts."""

_ENVIRONMENT = (
    *("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"),
    *("DOCKER_HOST", "DOCKER_CONTEXT", "CONTAINER_HOST", "CONTAINER_CONNECTION"),
)
"""Variables of the environment that decide which hosts a source has."""


class CachedAnswer(NamedTuple):
    """An answer that was kept."""

    data: Mapping[str, Any]
    warnings: list[str]
    age: float
    """Seconds since the source was asked."""


def kept_answer(source: DeclaredSource) -> CachedAnswer | None:
    """Return the answer that was kept; None if there is none, or it cannot be read."""
    try:
        document = parsed_object(content_of(_path(source), _MOST_BYTES))
        data, warnings, at = document["data"], document["warnings"], document["at"]
    except (OSError, ValueError, KeyError):
        return None
    age = time.time() - at if isinstance(at, int | float) else -1.0
    right = isinstance(data, dict) and isinstance(warnings, list)
    if not right or document.get("schema") != _SCHEMA or age < 0:
        return None
    return CachedAnswer(data, [str(one) for one in warnings], age)


def keep(source: DeclaredSource, data: Mapping[str, object], warnings: list[str]) -> None:
    """Keep an answer that was found to be right; where that fails, the next run asks again."""
    path = _path(source)
    document = {"schema": _SCHEMA, "at": time.time(), "warnings": warnings, "data": data}
    with suppress(OSError, TypeError, ValueError):
        text = json.dumps(document)
        private_folder(path.parent)
        replace_private(path, text)
        _drop_old(path.parent)


def _drop_old(folder: Path) -> None:
    """Remove the answers that nothing has asked for since long, as after a change of settings."""
    oldest = time.time() - _LONGEST
    for one in folder.iterdir():
        if one.stat().st_mtime < oldest:
            one.unlink(missing_ok=True)


def _path(source: DeclaredSource) -> Path:
    query = source.query
    environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    asked = [query.kind, str(query.folder), query.value.plain(), sorted(source.without)]
    key = json.dumps([*asked, environment], sort_keys=True, default=repr)
    return state_folder() / "inventory" / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"
