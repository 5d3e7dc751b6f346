"""
The last facts of each host, kept on the controller for recipes that read those of other hosts.

They are in a private folder of the user, a small file for each machine, and are written only once
a recipe has asked for the facts of another host: that creates the folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from cookbook.inventory import Host
from cookbook.script.facts import Facts, facts_from_json, facts_json
from cookbook.text.bounded_io import content_of, parsed_json
from cookbook.text.user_dirs import private_folder, replace_private, state_folder

_MOST_FILES = 20_000
_MOST_BYTES = 256 * 1024
_LONGEST = 90 * 86400
"""Seconds after which facts are dropped, whatever age a run accepts."""


class KeptFacts(NamedTuple):
    """The last known facts of a host."""

    facts: Facts
    read: float
    """When they were read, in seconds of time.time()."""


def folder() -> Path:
    """Return the folder of the kept facts."""
    return state_folder() / "facts"


def keep(found: Iterable[tuple[Host, Facts]], *, always: bool = False) -> None:
    """
    Keep the facts of hosts that were just read; drop what is too old, or too much.

    Unless it is to be done `always`, only where the folder exists already. A full disk, or a folder
    that cannot be written, does not matter to a run.
    """
    place = folder()
    with contextlib.suppress(OSError):
        if not always and not place.is_dir():
            return
        private_folder(place)
        for host, facts in found:
            data = {"host": host.name, "read": time.time(), "facts": facts_json(facts)}
            replace_private(
                place / f"{_key(host)}-{_digest(facts.machine_id)}.json", json.dumps(data)
            )
        _drop(place)


def recall(host: Host) -> KeptFacts | None:
    """Return the last facts that were read of a host; None without any that can be read."""
    kept = (_read(path) for path in folder().glob(f"{_key(host)}-*.json"))
    return max(filter(None, kept), key=lambda one: one.read, default=None)


def _read(path: Path) -> KeptFacts | None:
    try:
        data = parsed_json(content_of(path, _MOST_BYTES).decode())
        return KeptFacts(facts_from_json(data["facts"]), float(data["read"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None  # of another version, or cut short: as if there were none


def _drop(place: Path) -> None:
    files = sorted(((one.stat().st_mtime, one.path) for one in os.scandir(place)), reverse=True)
    oldest = time.time() - _LONGEST
    for number, (written, path) in enumerate(files):
        if number >= _MOST_FILES or written < oldest:
            Path(path).unlink(missing_ok=True)


def _key(host: Host) -> str:
    """Return the part of the file name that tells a host from one of the same name elsewhere."""
    return _digest(f"{host.name}\n{host.address}\n{host.port}\n{host.transport}")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:24]
