"""The transports that an inventory may name: the built-in ones, and those of plugins."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

from cookbook.errors import UsageError
from cookbook.transport.contract import Transport

BUILT_IN: Mapping[str, str] = {
    "ssh": "cookbook.hosts.connect:by_paramiko",
    "openssh": "cookbook.hosts.connect:by_openssh",
    "local": "cookbook.hosts.connect:on_this_machine",
}
"""Name in hosts.yml -> `module:function`; the function takes what `connect` takes."""


class Transports:
    """All transports of this process."""

    ask_plugins: Callable[[], Mapping[str, str]] = staticmethod(dict)
    """Returns the transports of plugins; set by `cookbook.plugins.manager`."""

    @property
    def places(self) -> Mapping[str, str]:
        """The transports: name in hosts.yml -> `module:function`. No module is imported."""
        return {**self.ask_plugins(), **BUILT_IN}

    def connect(self, name: str) -> Callable[..., Transport]:
        """Return the function that connects. Raises UsageError if it cannot be loaded."""
        module, _, function = self.places[name].partition(":")
        try:
            found: Any = getattr(importlib.import_module(module), function)
        except (ImportError, AttributeError) as error:
            raise UsageError(f"the transport {name!r} cannot be loaded: {error}") from error
        return found  # type: ignore[no-any-return]  # what its plugin says


TRANSPORTS = Transports()
