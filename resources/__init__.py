"""
The resource types that a recipe declares: one module for each, named like the type.

A module whose name begins with `_` is no type. Each is imported when its type is first used: a
recipe pays only for the types it declares. `__init__.pyi` tells type checkers what is here;
`make types` writes it from the names of the modules.
"""

from __future__ import annotations

import importlib
import re
import sys
import types
from pathlib import Path
from typing import Any

if __name__ != "cookbook.resources":
    # Found in the current folder: each type would exist twice, and have no provider.
    raise ImportError("a recipe imports resource types from cookbook.resources")

NAMES = tuple(sorted(file.stem for folder in __path__ for file in Path(folder).glob("[!_]*.py")))
"""The names of the built-in resource types, from the names of the modules; none is imported."""

FUNCTIONS = {"compose": "_compose"}
"""Functions that declare resources of several types, and the modules that they are in."""


def class_name(name: str) -> str:
    """Return the name of the class of a resource type: FirewallRule for `firewall_rule`."""
    return "".join(map(str.capitalize, name.split("_")))


def __getattr__(name: str) -> Any:
    """Import the function or the class of a resource type, or the names of all for `import *`."""
    if name == "__all__":
        return [*map(class_name, NAMES), *NAMES, *FUNCTIONS]
    module = re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
    if name in FUNCTIONS:
        module = FUNCTIONS[name]
    elif module not in NAMES or name not in (module, class_name(module)):
        raise AttributeError(f"there is no resource type {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{module}"), name)
    globals()[name] = value  # __getattr__ is not asked again
    return value


def __dir__() -> list[str]:
    return sorted(__getattr__("__all__"))


class _Types(types.ModuleType):
    """The package: a function wins over the submodule of the same name."""

    def __setattr__(self, name: str, value: object) -> None:
        # The import system binds a module to its package once it is loaded.
        if not (isinstance(value, types.ModuleType) and name in NAMES):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Types
