"""The kinds of sources that hosts.yml may name, registered by the hook `cookbook_sources`."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from cookbook.errors import UsageError, no_plugins

if TYPE_CHECKING:
    from cookbook.inventory.sources.query import SourceQuery


class HostSources:
    """All kinds of sources of this process."""

    registered: Callable[[], Mapping[str, str]] = staticmethod(no_plugins)
    """Returns what is registered by the hook; set when `cookbook.plugins.manager` is imported."""

    @property
    def places(self) -> Mapping[str, str]:
        """The kinds: name in hosts.yml -> `module:function`. No module is imported."""
        return self.registered()

    def function(self, kind: str) -> Callable[[SourceQuery], Mapping[str, object]]:
        """Return the function that asks a source. Raises UsageError if it cannot be loaded."""
        module, _, name = self.places[kind].partition(":")
        try:
            found: Any = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError) as error:
            raise UsageError(f"the source {kind!r} cannot be loaded: {error}") from error
        return found  # type: ignore[no-any-return]  # what its plugin says


SOURCES = HostSources()
