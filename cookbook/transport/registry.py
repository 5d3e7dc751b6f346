"""The names in an inventory that plugins register: transports, and kinds of sources of hosts."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from cookbook.errors import UsageError, no_plugins
from cookbook.transport.contract import Transport

T = TypeVar("T")


class RegisteredFunctions(Generic[T]):
    """Functions of this process by the names that files have for them; all return a T."""

    def __init__(self, what: str) -> None:
        """Make it; `what` is the word for one of them in an error: the transport."""
        self._what = what
        self.registered: Callable[[], Mapping[str, str]] = no_plugins
        """Returns what a hook registers; set when `cookbook.plugins.manager` is imported."""

    @property
    def places(self) -> Mapping[str, str]:
        """The names, each with `module:function`. No module is imported."""
        return self.registered()

    def function(self, name: str) -> Callable[..., T]:
        """Return the function of a name. Raises UsageError if it cannot be loaded."""
        module, _, function = self.places[name].partition(":")
        try:
            found: Callable[..., T] = getattr(importlib.import_module(module), function)
        except (ImportError, AttributeError) as error:
            raise UsageError(f"{self._what} {name!r} cannot be loaded: {error}") from error
        return found


TRANSPORTS = RegisteredFunctions[Transport]("the transport")
"""`transport:` of a host. A function takes what `cookbook.hosts.connect.connect` takes."""

SOURCES = RegisteredFunctions[Mapping[str, Any]]("the source")
"""
The keys of `sources:` in hosts.yml. A function takes a SourceQuery.

They are here, and not in the inventory, so that the plugins can be loaded without one.
"""
