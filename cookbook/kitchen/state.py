"""The state of a kitchen between two commands, in one JSON file beside its hosts."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from pathlib import Path

from cookbook.errors import KitchenError
from cookbook.kitchen.network import KitchenNetwork
from cookbook.kitchen.process import Process

SCHEMA = 2
FIRST_NUMBER = 11
LAST_NUMBER = 254


@dataclass(frozen=True)
class RunningHost:
    """A host that was started: its number in the subnet, its systemd-nspawn, its Debian."""

    number: int
    process: Process
    release: str = "bookworm"


@dataclass
class KitchenState:
    """The network of the kitchen, if it has one, and its hosts by name."""

    network: KitchenNetwork | None = None
    entries: dict[str, RunningHost] = field(default_factory=dict)

    def free_numbers(self) -> Iterable[int]:
        """Yield the numbers that no host has, lowest first."""
        taken = {entry.number for entry in self.entries.values()}
        return (number for number in range(FIRST_NUMBER, LAST_NUMBER + 1) if number not in taken)

    def save(self, path: Path) -> None:
        """Write it under another name and rename, so that a reader never sees half of it."""
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(self._document(), indent=2) + "\n")
        partial.replace(path)

    def _document(self) -> dict[str, object]:
        network = self.network
        return {
            "schema": SCHEMA,
            "network": network and {"bridge": network.bridge, "subnet": str(network.subnet)},
            "hosts": {
                name: {
                    "number": entry.number,
                    "pid": entry.process.pid,
                    "started": entry.process.started,
                    "release": entry.release,
                }
                for name, entry in self.entries.items()
            },
        }

    @classmethod
    def load(cls, path: Path) -> KitchenState:
        """
        Read it; a kitchen that never cooked has an empty one.

        Raises KitchenError if the file was not written by a kitchen.
        """
        if not path.exists():
            return cls()
        try:
            document = json.loads(path.read_text())
            network = document["network"]
            return cls(
                network and KitchenNetwork(network["bridge"], IPv4Network(network["subnet"])),
                {
                    name: RunningHost(
                        entry["number"],
                        Process(entry["pid"], entry["started"]),
                        entry["release"],
                    )
                    for name, entry in document["hosts"].items()
                },
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise KitchenError(
                f"{path} is not a kitchen's state: {error!r}",
                hint="if no host of it runs any more, delete the folder",
            ) from error
