"""Volumes of a container engine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from cookbook.errors import HostError
from cookbook.provider import Change, Command, Content, hint, keep_tree, provides, sh
from cookbook.providers.docker import DockerProvider, docker, pairs, row
from cookbook.resources._docker import bare
from cookbook.resources.docker_volume import DockerVolume
from cookbook.script.stash import unpack_tree


@dataclass(frozen=True)
class State:
    """A volume."""

    driver: str | None = None
    options: tuple[str, ...] | None = None
    labels: tuple[str, ...] = hint(default=())
    place: str = hint(default="")
    """The folder with its data; empty if there is none on the host itself."""
    tree: Content | None = hint()
    """The digest of what was in it, once it is kept."""
    host: str | None = hint()


@provides(DockerVolume)
class DockerVolumeProvider(DockerProvider[DockerVolume, State]):
    """Compares with `docker volume inspect`."""

    kind = "docker_volume"
    what = "volume"
    form = (
        '{"driver":{{json .Driver}},"options":{{json .Options}},"labels":{{json .Labels}},'
        '"place":{{json .Mountpoint}}}'
    )

    def parse(self, volume: DockerVolume, text: str, *_: Any) -> State | None:
        """Return the volume."""
        said = row(text)
        if said is None:
            return None
        local = said["driver"] == "local" and not said["options"]
        return State(
            driver=str(said["driver"]),
            options=pairs(said["options"]),
            labels=pairs(said["labels"]),
            place=str(said["place"]) if local else "",
            host=volume.host,
        )

    def plan(self, volume: DockerVolume, found: State | None) -> Change[State]:
        """Compare driver and options. Raises HostError if they differ: the data would be lost."""
        if volume.action == "delete":
            return Change(found, None)
        wanted = State(
            driver=volume.driver,
            options=pairs(volume.options),
            labels=pairs(volume.labels),
            host=volume.host,
        )
        change = Change(found, wanted)
        if change.kind == "update":
            what = ", ".join(
                f"its {key} {was!r}, not {to!r}" for key, (was, to) in change.fields.items()
            )
            raise HostError(
                f"the volume exists with {what}; another one would not have its data",
                hint="move the data, delete the volume, and converge again",
            )
        return change

    def commands(self, name: str, change: Change[State]) -> Iterator[Command]:
        """Make or remove it."""
        side = change.wanted or change.found or State()
        name = bare(name)
        call = docker(side.host)
        if change.wanted is None:
            yield sh("{} volume rm {} >/dev/null", call, name)
            return
        words = [word for one in side.options or () for word in ("--opt", one)]
        words += [word for one in side.labels for word in ("--label", one)]
        yield sh("{} volume create --driver {} {} {} >/dev/null", call, side.driver, words, name)
        if side.tree is not None and side.place:
            yield unpack_tree(side.tree, side.place)

    def keeps(self, name: str, change: Change[State]) -> Command | None:
        """Keep the data of a volume that is removed."""
        found = change.found
        return keep_tree(found.place) if found is not None and found.place else None

    def learned(self, change: Change[State], kept: str, said: str) -> Change[State]:
        """Add where the data are kept."""
        digest = kept.strip().partition("\n")[0]
        if change.found is None or not re.fullmatch("[0-9a-f]{64}", digest):
            return change
        return replace(change, found=replace(change.found, tree=Content(digest)))

    def lost(self, name: str, change: Change[State]) -> str | None:
        """Say that the data of a volume elsewhere are not kept."""
        elsewhere = change.wanted is None and change.found is not None and not change.found.place
        return "its data" if elsewhere else None
