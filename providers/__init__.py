"""
The providers: each reads a resource type from a host and changes it there, by one tool.

The module named like a resource type has its providers, or imports them from the modules of
their tools. It is imported when the type is first used.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping

from cookbook.plugin import hookimpl
from cookbook.provider import Resource
from cookbook.resources import NAMES, class_name


@hookimpl
def cookbook_resources() -> Mapping[str, str]:
    """Return the built-in resource types."""
    return {name: f"cookbook.resources.{name}:{class_name(name)}" for name in NAMES}


@hookimpl
def cookbook_providers(kind: type[Resource]) -> None:
    """Import the providers of a built-in resource type."""
    if kind.__module__.startswith("cookbook.resources."):
        importlib.import_module(f"cookbook.providers.{kind.kind()}")
