"""
The words a recipe is written in.

Each is loaded when it is first used: a recipe pays for what it says.
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

_MODULES = {
    "Service": "service",
    "service": "service",
    "Package": "package",
    "package": "package",
    "User": "user",
    "user": "user",
    "FirewallRule": "firewall",
    "firewall_rule": "firewall",
    "Cron": "cron",
    "cron": "cron",
    "AuthorizedKey": "authorized_key",
    "authorized_key": "authorized_key",
    "Link": "link",
    "link": "link",
    "Execute": "execute",
    "execute": "execute",
    "Directory": "directory",
    "directory": "directory",
    "File": "file",
    "Group": "group",
    "Template": "template",
    "file": "file",
    "group": "group",
    "template": "template",
}
"""Where each word, and its class, is declared."""

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
        raise AttributeError(f"there is no word {name!r}")
    value = getattr(importlib.import_module(f"cookbook.resources.{_MODULES[name]}"), name)
    globals()[name] = value  # __getattr__ is not asked again
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


class _Words(types.ModuleType):
    """Where a word and its module have the same name, the word is meant."""

    def __setattr__(self, name: str, value: object) -> None:
        # The import system binds a module to its package once it is loaded.
        if not (isinstance(value, types.ModuleType) and name in _MODULES):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Words
