"""
The control group of a host: a part of the machine's tree of cgroups(7) that no other host has.

systemd-nspawn with `--keep-unit` puts the payload into `payload` below the group it was started in.
Two hosts started from one group would have one tree: each systemd would remove the group of a unit
that the other one is starting ("Failed to attach to cgroup": status 219/CGROUP).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from cookbook.errors import KitchenError

MOUNTED = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")


def name_of(folder: Path) -> str:
    """Return the name of the group of the host whose disk is in `folder`: one on a machine."""
    digest = hashlib.sha256(str(folder).encode(errors="surrogateescape")).hexdigest()
    return f"cook-{folder.name}-{digest[:12]}"


def make(name: str, mounted: Path = MOUNTED, own: Path = OWN) -> list[Path]:
    """
    Make the group below that of this process, in each hierarchy that systemd uses; it is empty.

    Raises KitchenError where no group can be made.
    """
    remove(name, mounted)
    groups = [folder / name for folder in _here(mounted, own)]
    for group in groups:
        try:
            group.mkdir(exist_ok=True)
        except OSError as error:
            raise KitchenError(
                f"no control group can be made at {group}: {error.strerror}",
                hint="a host needs cgroups that root can write; in a container: --privileged",
            ) from error
    return groups


def remove(name: str, mounted: Path = MOUNTED) -> None:
    """Remove the group with all that is below it, wherever it was made; a busy one stays."""
    for hierarchy, _ in _hierarchies(mounted):
        for group in [path for path in _groups_below(hierarchy) if path.name == name]:
            for folder in (*sorted(_groups_below(group), reverse=True), group):
                with suppress(OSError):
                    folder.rmdir()


def _groups_below(top: Path) -> list[Path]:
    """Return all groups below one; those of other hosts come and go meanwhile, without an error."""
    return [Path(folder, name) for folder, names, _files in os.walk(top) for name in names]


def _here(mounted: Path, own: Path) -> Iterator[Path]:
    """Yield the group of this process in each hierarchy that systemd uses."""
    lines = (line.split(":", 2) for line in own.read_text().splitlines())
    paths = {named: path for _number, named, path in lines}
    for hierarchy, named in _hierarchies(mounted):
        group = hierarchy / paths.get(named, "/").lstrip("/")
        if group.is_dir():
            yield group


def _hierarchies(mounted: Path) -> Iterator[tuple[Path, str]]:
    """Yield the folder and the name of each hierarchy; that of v2 has no name."""
    v1 = (mounted / "systemd", "name=systemd")  # what systemd has besides, or alone
    for folder, named in ((mounted, ""), (mounted / "unified", ""), v1):
        if (folder / "cgroup.procs").exists():
            yield folder, named
