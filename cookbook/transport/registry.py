"""The transports that an inventory may name, registered by the hook `cookbook_transports`."""

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
