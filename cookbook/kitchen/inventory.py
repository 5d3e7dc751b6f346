"""The hosts.yml and known_hosts that lead to the hosts of a kitchen."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from cookbook.kitchen.host import KitchenHost

# Relative to hosts.yml, so that the folder can be moved or mounted elsewhere.
DEFAULTS = "{user: admin, become: sudo, identity_file: id_ed25519, known_hosts: known_hosts}"


def write_hosts_yml(path: Path, hosts: Iterable[KitchenHost]) -> None:
    """Write the inventory, in the format of cookbook/inventory.py."""
    lines = [f"  {host.name}: {{address: {host.address}}}\n" for host in hosts]
    path.write_text(f"defaults: {DEFAULTS}\nhosts:\n{''.join(lines)}")


def write_known_hosts(path: Path, hosts: Iterable[KitchenHost]) -> None:
    """Write the host keys as known_hosts, see sshd(8)."""
    lines = [
        f"{host.name},{host.address},{host.address6} {key}\n"
        for host in hosts
        for key in host.host_keys
    ]
    path.write_text("".join(lines))
