"""
Disposable hosts to try recipes on: Debian 12 in systemd-nspawn, one overlay each.

    kitchen = Kitchen(Path(".kitchen"))
    [host] = kitchen.up(1)
    host.run("systemctl is-system-running").stdout
    kitchen.down()

The names below load when they are first used, because the command line imports this
package in every run and most runs cook elsewhere.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cookbook.kitchen.host import KitchenHost
    from cookbook.kitchen.kitchen import Kitchen

__all__ = ["Kitchen", "KitchenHost"]


def __getattr__(name: str) -> object:
    """Load what is asked for, when it is asked for (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = "kitchen" if name == "Kitchen" else "host"
    return getattr(import_module(f"{__name__}.{module}"), name)
