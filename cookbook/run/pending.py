"""The hosts of an inventory that the last runs could not reach: the next run takes them first."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from cookbook.text.bounded_io import parsed_json
from cookbook.text.user_dirs import private_folder, replace_private, state_folder


def pending(inventory: Path) -> frozenset[str]:
    """Return the names of the hosts; none if nothing is known of the inventory."""
    try:
        found = parsed_json(_file(inventory).read_text("utf-8"))
    except (OSError, ValueError):
        return frozenset()
    return frozenset(map(str, found)) if isinstance(found, list) else frozenset()


def first(names: Sequence[str], inventory: Path) -> list[str]:
    """Return these hosts, those that are pending first; else in the same order."""
    late = pending(inventory)
    return sorted(names, key=lambda name: name not in late)


def keep(inventory: Path, reached: Iterable[str], missed: Iterable[str]) -> None:
    """Note which hosts were reached, and which were not; the others stay as they were."""
    before = pending(inventory)
    after = (before - {*reached}) | {*missed}
    if after == before:
        return
    path = _file(inventory)
    with contextlib.suppress(OSError):  # a run does not fail for want of a note
        private_folder(path.parent)
        replace_private(path, json.dumps(sorted(after)))


def _file(inventory: Path) -> Path:
    digest = hashlib.sha256(os.path.realpath(inventory).encode()).hexdigest()[:16]
    return state_folder() / "pending" / f"{digest}.json"
