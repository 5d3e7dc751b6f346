"""Hosts that an aborted test run left: their overlay mounts would stop pytest's own clean-up."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from cookbook.kitchen import Kitchen
from cookbook.kitchen.process import Process

OWNER = "owner.json"
"""The file in a run's temporary folder that names the process of the run."""


def own(folder: Path) -> None:
    """Note that this process is at work in `folder`."""
    if (process := Process.of(os.getpid())) is not None:
        (folder / OWNER).write_text(json.dumps([process.pid, process.started]))


def take_down(places: Iterable[Path], mounts: Path = Path("/proc/mounts")) -> list[Path]:
    """Take down the kitchens below `places` whose run has ended; return their folders."""
    within = [place.absolute() for place in places]
    folders = [
        folder
        for folder in dict.fromkeys(_kitchens(mounts))
        if any(folder.is_relative_to(place) for place in within) and _is_left(folder)
    ]
    for folder in folders:
        Kitchen(folder).down()
    return folders


def _kitchens(mounts: Path) -> Iterator[Path]:
    """Yield the folder of each kitchen that has an overlay: FOLDER/hosts/NAME/root."""
    for line in mounts.read_text().splitlines():
        _source, target, kind, *_ = line.split(" ")
        place = Path(target.replace("\\040", " "))
        if kind == "overlay" and len(place.parents) > 2 and place.parents[1].name == "hosts":
            yield place.parents[2]


def _is_left(folder: Path) -> bool:
    """Return True if the nearest owner noted above the folder has ended."""
    for above in folder.parents:
        if (note := above / OWNER).is_file():
            pid, started = json.loads(note.read_text())
            return not Process(pid, started).alive
    return False
