"""The names in an inventory that plugins register: transports, and kinds of sources of hosts."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

from cookbook.errors import UsageError, no_plugins
from cookbook.transport.contract import Transport


class Transports:
    """All transports of this process."""

    registered: Callable[[], Mapping[str, str]] = staticmethod(no_plugins)
    """Returns what is registered by the hook; set when `cookbook.plugins.manager` is imported."""

    @property
    def places(self) -> Mapping[str, str]:
        """
        The transports: name in hosts.yml -> `module:function`. No module is imported.

        The function takes what `cookbook.hosts.connect.connect` takes.
        """
        return self.registered()

    def connect(self, name: str) -> Callable[..., Transport]:
        """Return the function that connects. Raises UsageError if it cannot be loaded."""
        module, _, function = self.places[name].partition(":")
        try:
            found: Any = getattr(importlib.import_module(module), function)
        except (ImportError, AttributeError) as error:
            raise UsageError(f"the transport {name!r} cannot be loaded: {error}") from error
        return found  # type: ignore[no-any-return]  # what its plugin says


TRANSPORTS = Transports()


class HostSources:
    """All kinds of sources of hosts of this process: the keys of `sources:` in hosts.yml."""

    registered: Callable[[], Mapping[str, str]] = staticmethod(no_plugins)
    """Returns what is registered by the hook; set when `cookbook.plugins.manager` is imported."""

    @property
    def places(self) -> Mapping[str, str]:
        """The kinds: name in hosts.yml -> `module:function`. No module is imported."""
        return self.registered()

    def function(self, kind: str) -> Callable[..., Mapping[str, object]]:
        """Return the function that asks a source. Raises UsageError if it cannot be loaded."""
        module, _, name = self.places[kind].partition(":")
        try:
            found: Any = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError) as error:
            raise UsageError(f"the source {kind!r} cannot be loaded: {error}") from error
        return found  # type: ignore[no-any-return]  # what its plugin says


SOURCES = HostSources()
"""Here, and not in the inventory, so that the plugins can be loaded without one."""
