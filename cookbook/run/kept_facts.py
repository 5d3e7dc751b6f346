"""
The last facts of each host, kept on the controller.

A run asks a host what its resources ask by these facts, before it knows those of now; and recipes
read those of other hosts. They are in a private folder of the user, a small file for each host.
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


def keep(found: Iterable[tuple[Host, Facts]]) -> None:
    """
    Keep the facts of hosts that were just read.

    If a host is new, what is too old or too much is dropped. A full disk, or a folder that cannot
    be written, does not matter to a run.
    """
    place = folder()
    with contextlib.suppress(OSError):
        private_folder(place)
        more = False
        for host, facts in found:
            data = {"host": host.name, "read": time.time(), "facts": facts_json(facts)}
            path = _path(host)
            more |= not path.exists()
            replace_private(path, json.dumps(data))
        if more:
            _drop(place)


def recall(host: Host) -> KeptFacts | None:
    """Return the last facts that were read of a host; None without any that can be read."""
    try:
        data = parsed_json(content_of(_path(host), _MOST_BYTES).decode())
        return KeptFacts(facts_from_json(data["facts"]), float(data["read"]))
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return None  # of another version, or cut short: as if there were none


def _drop(place: Path) -> None:
    files = sorted(((one.stat().st_mtime, one.path) for one in os.scandir(place)), reverse=True)
    oldest = time.time() - _LONGEST
    for number, (written, path) in enumerate(files):
        if number >= _MOST_FILES or written < oldest:
            Path(path).unlink(missing_ok=True)


def _path(host: Host) -> Path:
    """Return the file of a host, which is another one than that of the same name elsewhere."""
    text = f"{host.name}\n{host.address}\n{host.port}\n{host.transport}"
    return folder() / f"{hashlib.sha256(text.encode('utf-8', 'surrogateescape')).hexdigest()}.json"
