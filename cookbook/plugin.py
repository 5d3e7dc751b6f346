"""
The imports of a plugin.

A plugin is a module with functions named as in `cookbook.plugins.hookspecs`, each marked by
`hookimpl`, and named in the entry point group `cookbook` of its package:

    [options.entry_points]
    cookbook =
        mine = my_package.my_plugin

A plugin with a transport connects to a `Host` of the inventory, and returns a `Transport`.
`PipeShell` is one: a POSIX shell on the pipes of a command that is run on this machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from cookbook.inventory.host import Host
    from cookbook.inventory.host_driver import HostDriver, HostOrder, MadeHost
    from cookbook.inventory.sources.query import SourceQuery
    from cookbook.secrets.secret import Secret
    from cookbook.transport.contract import Transport
    from cookbook.transport.pipes import PipeShell

hookimpl = pluggy.HookimplMarker("cookbook")

__all__ = [
    "Host",
    "HostDriver",
    "HostOrder",
    "MadeHost",
    "PipeShell",
    "Secret",
    "SourceQuery",
    "Transport",
    "hookimpl",
]

_LATE = {
    "Host": "cookbook.inventory.host",
    "HostDriver": "cookbook.inventory.host_driver",
    "HostOrder": "cookbook.inventory.host_driver",
    "MadeHost": "cookbook.inventory.host_driver",
    "PipeShell": "cookbook.transport.pipes",
    "Secret": "cookbook.secrets.secret",
    "SourceQuery": "cookbook.inventory.sources.query",
    "Transport": "cookbook.transport.contract",
}
"""Imported when they are asked for: most plugins need only the marker."""


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_LATE[name]), name)
