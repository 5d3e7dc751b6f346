"""How each resource is read from a host and brought into line; one module for each tool."""

from __future__ import annotations

import importlib

from cookbook.plugin import hookimpl
from cookbook.provider import Resource

_MODULES = {
    "package": ["apt"],
    "service": ["systemd"],
    "firewall_rule": ["nftables", "iptables"],
    "cron": ["crontab"],
    "authorized_key": ["authorized_keys"],
    "user": ["useradd"],
    "directory": ["directory"],
    "execute": ["execute"],
    "link": ["link"],
    "file": ["file"],
    "group": ["group"],
    "template": ["file"],
}
"""Which modules serve a word."""


@hookimpl
def cookbook_providers(kind: type[Resource]) -> None:
    """Import who serves a built-in word."""
    for module in _MODULES.get(kind.kind(), ()):
        importlib.import_module(f"cookbook.providers.{module}")
