"""
The resource types that a recipe declares.

Each is imported when it is first used: a recipe pays only for the types it declares.
"""

from __future__ import annotations

import importlib
import sys
import types
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cookbook.resources.authorized_key import AuthorizedKey, authorized_key
    from cookbook.resources.cron import Cron, cron
    from cookbook.resources.directory import Directory, directory
    from cookbook.resources.execute import Execute, execute
    from cookbook.resources.file import File, file
    from cookbook.resources.firewall import FirewallRule, firewall_rule
    from cookbook.resources.group import Group, group
    from cookbook.resources.link import Link, link
    from cookbook.resources.package import Package, package
    from cookbook.resources.service import Service, service
    from cookbook.resources.template import Template, template
    from cookbook.resources.user import User, user

TYPES = {
    "authorized_key": "cookbook.resources.authorized_key:AuthorizedKey",
    "cron": "cookbook.resources.cron:Cron",
    "directory": "cookbook.resources.directory:Directory",
    "execute": "cookbook.resources.execute:Execute",
    "file": "cookbook.resources.file:File",
    "firewall_rule": "cookbook.resources.firewall:FirewallRule",
    "group": "cookbook.resources.group:Group",
    "link": "cookbook.resources.link:Link",
    "package": "cookbook.resources.package:Package",
    "service": "cookbook.resources.service:Service",
    "template": "cookbook.resources.template:Template",
    "user": "cookbook.resources.user:User",
}
"""Each resource type: its name in recipes, and its class as `module:Class`."""

_MODULES = {
    exported: place.partition(":")[0]
    for name, place in TYPES.items()
    for exported in (name, place.partition(":")[2])
}
"""The module of each function and class that a recipe imports from here."""

__all__ = [
    "AuthorizedKey",
    "Cron",
    "Directory",
    "Execute",
    "File",
    "FirewallRule",
    "Group",
    "Link",
    "Package",
    "Service",
    "Template",
    "User",
    "authorized_key",
    "cron",
    "directory",
    "execute",
    "file",
    "firewall_rule",
    "group",
    "link",
    "package",
    "service",
    "template",
    "user",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"there is no resource type {name!r}")
    value = getattr(importlib.import_module(_MODULES[name]), name)
    globals()[name] = value  # __getattr__ is not asked again
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


class _Types(types.ModuleType):
    """The package: a function wins over the submodule of the same name."""

    def __setattr__(self, name: str, value: object) -> None:
        # The import system binds a module to its package once it is loaded.
        if not (isinstance(value, types.ModuleType) and name in _MODULES):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Types
