"""A suite of kitchen.yml, as a value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

UndoMode = bool | Literal["partial"]


@dataclass(frozen=True)
class SuiteHost:
    """A host of a suite: its name, its own variables and recipes."""

    name: str
    vars: Mapping[str, object] = field(default_factory=dict)
    recipes: tuple[Path, ...] = ()


@dataclass(frozen=True)
class DriftCheck:
    """A command that changes something by hand, which cook must then find and mend."""

    command: str
    at: str
    """file:line."""

    hosts: str = ""
    """The hosts on which it runs, as for --limit; empty: all."""

    differs: tuple[str, ...] = ()
    """The resources that must differ, and no others; none: at least one must."""


@dataclass(frozen=True)
class KitchenSuite:
    """A suite; all paths are absolute."""

    name: str
    at: str
    """file:line."""

    hosts: tuple[SuiteHost, ...]
    recipes: tuple[Path, ...] = ()
    """For all hosts; without any, each host has its own, as the inventory says."""

    inventory: Path | None = None
    """The inventory that variables, groups and recipes of the hosts are taken from."""

    environment: str | None = None
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    vars: Mapping[str, object] = field(default_factory=dict)
    features: Path | Mapping[str, bool] | None = None
    """A features.yml, or the features that are on and off."""

    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    files: Mapping[Path, str] = field(default_factory=dict)
    """File or folder here -> its path on the hosts."""

    verify: tuple[Path, ...] = ()
    """Tests of testinfra: files or folders."""

    drift: tuple[DriftCheck, ...] = ()
    undo: UndoMode = True
    releases: tuple[str, ...] = ("bookworm",)
    driver: str = "kitchen"
    driver_settings: Mapping[str, object] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its hosts."""
        return tuple(host.name for host in self.hosts)


def drift_cycles(checks: Sequence[DriftCheck]) -> list[Sequence[DriftCheck]]:
    """
    Return the checks that are made together, before one plan and one run.

    All are if each says what must differ: then the plan tells for each. Else each is by itself.

    >>> a, b = DriftCheck("a", "1", differs=("x[1]",)), DriftCheck("b", "2")
    >>> [len(cycle) for cycle in drift_cycles([a, a])], [len(one) for one in drift_cycles([a, b])]
    ([2], [1, 1])
    """
    if all(check.differs for check in checks):
        return [checks] if checks else []
    return [(check,) for check in checks]
