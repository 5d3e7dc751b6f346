"""
The contract of a driver, which makes hosts for a kitchen suite and takes them away again.

It is here, and not in the kitchen, because plugins implement it and the kitchen is above them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from cookbook.transport.registry import RegisteredFunctions


@dataclass(frozen=True)
class HostOrder:
    """The hosts that one suite needs on one release."""

    suite: str
    release: str
    """The codename of a Debian: bookworm."""

    names: tuple[str, ...]
    folder: Path
    """The folder of this suite on this release; a driver may keep files in it, below its name."""

    settings: Mapping[str, object] = field(default_factory=dict)
    """The other keys of `driver:` in kitchen.yml."""


@dataclass(frozen=True)
class MadeHost:
    """A host that a driver has made, and the ways to it."""

    name: str
    settings: Mapping[str, object]
    """Its settings in hosts.yml, without `vars`: {"address": "192.0.2.7", "user": "root"}."""

    login: tuple[str, ...]
    """The command that opens a shell on it, for a person."""

    testinfra: str
    """Its address for `--hosts` of testinfra: `ssh://web1`, `docker://web1`."""

    ssh_config: str = ""
    """Its block of an ssh_config(5); empty if it is not reached by SSH."""


class HostDriver(Protocol):
    """A maker of hosts for suites; calls for different orders run at the same time."""

    def check(self, order: HostOrder) -> None:
        """Raise KitchenError if it cannot make these hosts here; make nothing."""
        ...

    def create(self, order: HostOrder) -> Sequence[MadeHost]:
        """
        Make the hosts, clean, and wait until they can be reached; replace those of a run before.

        Raises KitchenError; what was made by then is removed by `destroy`.
        """
        ...

    def destroy(self, order: HostOrder) -> None:
        """Remove the hosts of this order, whichever of them exist. Raises KitchenError."""
        ...


DRIVERS = RegisteredFunctions[HostDriver]("the driver")
"""`driver:` in kitchen.yml. A function takes nothing; a class with the three methods is one."""
