"""The providers: each reads a resource type from a host and changes it there, by one tool."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

from cookbook.plugin import hookimpl
from cookbook.provider import Resource
from cookbook.resources import TYPES

_MODULES: Mapping[str, list[str]] = {
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
"""The modules with the providers of each resource type."""


@hookimpl
def cookbook_resources() -> Mapping[str, str]:
    """Return the built-in resource types."""
    return TYPES


@hookimpl
def cookbook_providers(kind: type[Resource]) -> None:
    """Import the providers of a built-in resource type."""
    for module in _MODULES.get(kind.kind(), ()):
        importlib.import_module(f"cookbook.providers.{module}")
