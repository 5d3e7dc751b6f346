"""Packages that were installed by hand, and those that are held."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator

from cookbook.importing.declaration import Declaration, Found, LeftOut
from cookbook.importing.questions import Seen
from cookbook.importing.states import Reader

_EVERYWHERE = frozenset(
    {"apt", "dbus", "debconf", "init", "libpam-systemd", "passwd", "systemd"}
    | {"systemd-sysv", "udev", "libc-bin", "iproute2", "netbase"}
)
"""Packages of these priorities that each host of Debian has."""


def packages(seen: Seen, reader: Reader) -> Iterator[Found]:
    """Yield the packages that `cook drift --unmanaged package` would list, and held ones."""
    held = {line.partition(":")[0] for line in seen.lines("held")}
    homeless = set(_without_repository(seen.texts.get("local", "")))
    listed = [name for name, _ in reader.listed("package")]
    for name in sorted({*listed, *held}):
        if name in homeless:
            yield LeftOut(
                "package",
                name,
                "no repository has it: it was installed from a file",
                f'dpkg_package("{name}", source=...)',
            )
        else:
            yield declared_package(name, held=name in held)


def declared_package(name: str, *, held: bool = False) -> Declaration:
    """Return the declaration of a package."""
    properties = {"action": ["install", "lock"]} if held else {}
    return Declaration("package", "package", name, properties)


def owners_to_declare(
    seen: Seen, owners: Iterable[str], declared: Collection[str]
) -> Iterator[Found]:
    """
    Declare the packages of imported files and services that another host may lack.

    They are part of a usual installation (priority important or standard), so nothing else does.
    """
    important = {
        name
        for name, priority, essential in (
            line.split("\t") for line in seen.lines("priorities") if line.count("\t") == 2
        )
        if priority in ("important", "standard") and essential != "yes" and name not in _EVERYWHERE
    }
    manual = {line.partition(":")[0] for line in seen.lines("manual")}
    for name in sorted({*owners} & important & manual - {*declared}):
        yield declared_package(name)


def _without_repository(text: str) -> Iterator[str]:
    """Yield the packages in the answer of `apt-cache policy` that only dpkg knows."""
    for part in re.split(r"(?m)^(?=\S.*:$)", text):
        name, _, rest = part.partition(":\n")
        places = re.findall(r"(?m)^ +-?\d+ (\S+)", rest.partition("Version table:")[2])
        places = [place for place in places if "/" in place or ":" in place]
        if name and places and all(place == "/var/lib/dpkg/status" for place in places):
            yield name
