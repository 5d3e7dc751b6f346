"""The driver `kitchen`: hosts with systemd, by systemd-nspawn."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from cookbook.errors import KitchenError
from cookbook.inventory.host_driver import HostOrder, MadeHost
from cookbook.kitchen import Kitchen, tools


class KitchenDriver:
    """Hosts of a kitchen of their own, in a folder below that of the suite."""

    def check(self, order: HostOrder) -> None:
        """Raise KitchenError if this machine has no kitchen, or a setting is given."""
        if order.settings:
            raise KitchenError(f"the driver `kitchen` has no settings: {', '.join(order.settings)}")
        machines = [_machine(name) for name in order.names]
        if len(set(machines)) < len(machines):
            raise KitchenError(
                f"suite {order.suite}: two hosts would both be named {machines[0]}",
                hint="host names of the driver `kitchen` are letters, digits and hyphens",
            )
        tools.require()

    def create(self, order: HostOrder) -> Sequence[MadeHost]:
        """Boot the hosts, and wait until sshd answers."""
        kitchen = _kitchen(order)
        kitchen.down()
        made = kitchen.up(names=[_machine(name) for name in order.names], release=order.release)
        config = order.folder / "ssh_config"
        hosts = [
            MadeHost(
                name,
                {**_settings(kitchen), "address": host.address},
                ("ssh", "-F", os.path.relpath(config), host.name),
                f"ssh://{host.name}",
                _ssh_config(kitchen, host.name, host.address),
            )
            for name, host in zip(order.names, made, strict=True)
        ]
        config.write_text("".join(host.ssh_config for host in hosts), "utf-8")
        return hosts

    def destroy(self, order: HostOrder) -> None:
        """Power off the hosts, and remove their disks and the network."""
        _kitchen(order).down()


def _kitchen(order: HostOrder) -> Kitchen:
    return Kitchen(order.folder / "kitchen")


def _machine(name: str) -> str:
    """Return the name of the machine for a host: `Web1.example.org` is web1-example-org."""
    plain = re.sub(r"[^a-z0-9-]", "-", name.lower())[:31]
    return plain if plain[:1].isalpha() else f"h{plain}"[:31]


def _settings(kitchen: Kitchen) -> dict[str, object]:
    return {
        "user": "admin",
        "become": "sudo",
        "identity_file": str(kitchen.identity),
        "known_hosts": str(kitchen.known_hosts),
        "ssh_config": "none",
    }


def _ssh_config(kitchen: Kitchen, machine: str, address: str) -> str:
    """Return the block of ssh_config(5); root, because tests look at all files."""
    settings = {
        "HostName": address,
        "User": "root",
        "IdentityFile": _quoted(kitchen.identity),
        "IdentitiesOnly": "yes",
        "UserKnownHostsFile": _quoted(kitchen.known_hosts),
        "StrictHostKeyChecking": "yes",
        "SetEnv": "LC_ALL=C.UTF-8",
    }
    lines = [f"  {name} {value}\n" for name, value in settings.items()]
    return f"Host {machine}\n{''.join(lines)}"


def _quoted(path: Path) -> str:
    return f'"{path}"'
