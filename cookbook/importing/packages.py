"""Packages that were installed by hand, and those that are held."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace

from cookbook.importing.declaration import Declaration, HostItem, LeftOut
from cookbook.importing.questions import Seen
from cookbook.importing.states import Reader

_EVERYWHERE = frozenset(
    {"apt", "dbus", "debconf", "init", "libpam-systemd", "passwd", "systemd"}
    | {"systemd-sysv", "udev", "libc-bin", "iproute2", "netbase"}
)
"""Packages of these priorities that each host of Debian has."""


def packages(seen: Seen, reader: Reader) -> Iterator[HostItem]:
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
) -> Iterator[HostItem]:
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


class _Needs:
    """The relations of the packages that are installed."""

    def __init__(self, seen: Seen) -> None:
        fields = [line.split("\t") for line in seen.lines("needs")]
        self._fields = {one[0]: one for one in fields if len(one) == 4}
        self._providers: dict[str, set[str]] = {name: {name} for name in self._fields}
        for name, one in self._fields.items():
            for clause in _clauses(one[1]):
                self._providers.setdefault(clause[0], set()).add(name)

    def needed(self, names: Iterable[str]) -> set[str]:
        """Return these packages and all that they depend on."""
        found: set[str] = set()
        waiting = [name for name in names if name in self._fields]
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += [one for some in self._met(name, 2) for one in some]
        return found

    def lacks(self, name: str) -> bool:
        """Return whether something is not installed that the package recommends."""
        return not all(self._met(name, 3))

    def recommended(self, name: str) -> set[str]:
        """Return what the package recommends, as far as it is installed."""
        return {one for some in self._met(name, 3) for one in some}

    def _met(self, name: str, field: int) -> list[set[str]]:
        """Return the installed packages that meet each clause of a relation."""
        return [
            {one for word in clause for one in self._providers.get(word, ())}
            for clause in _clauses(self._fields[name][field])
        ]


def _clauses(relation: str) -> list[list[str]]:
    plain = re.sub(r"\([^)]*\)|\[[^]]*\]|<[^>]*>|:any|:native", "", relation)
    parts = ([word.strip() for word in part.split("|")] for part in plain.split(","))
    return [[word for word in words if word] for words in parts if any(words)]


def as_recommended(seen: Seen, found: Sequence[HostItem]) -> list[HostItem]:
    """
    Return the packages without recommended ones, where the host does not have these.

    Those recommended packages that the host has are then declared by themselves.
    """
    needs = _Needs(seen)
    names = [one.name for one in found if isinstance(one, Declaration)]
    lacking = {name for name in names if any(map(needs.lacks, needs.needed([name])))}
    declared: list[HostItem] = [
        replace(one, properties={**one.properties, "install_recommends": False})
        if isinstance(one, Declaration) and one.name in lacking
        else one
        for one in found
    ]
    there = needs.needed([*names, *_of_the_base(seen)])
    by_itself = [name for name in needs.needed(names) if needs.recommended(name) - there]
    for name in sorted(by_itself):
        for more in sorted(needs.recommended(name) - there):
            declared.append(replace(declared_package(more), properties=_WITHOUT))
            there |= needs.needed([more])
    return declared


_WITHOUT = {"install_recommends": False}


def _of_the_base(seen: Seen) -> list[str]:
    lines = (line.split("\t") for line in seen.lines("priorities"))
    return [one[0] for one in lines if one[1:2] in (["required"], ["important"])]


def _without_repository(text: str) -> Iterator[str]:
    """Yield the packages in the answer of `apt-cache policy` that only dpkg knows."""
    for part in re.split(r"(?m)^(?=\S.*:$)", text):
        name, _, rest = part.partition(":\n")
        places = re.findall(r"(?m)^ +-?\d+ (\S+)", rest.partition("Version table:")[2])
        places = [place for place in places if "/" in place or ":" in place]
        if name and places and all(place == "/var/lib/dpkg/status" for place in places):
            yield name
