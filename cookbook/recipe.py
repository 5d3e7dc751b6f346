"""
The names for recipes beside the resource types: the host, notifications, secrets.

    from cookbook.recipe import delayed, node
    from cookbook.resources import service, template
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cookbook.language.barriers import barrier, run_once
from cookbook.language.recipe import (
    attempt,
    before,
    delayed,
    derived,
    final,
    final_stage,
    immediate,
    lazy,
    node,
    parallel,
    recipe_function,
    secret,
    tagged,
)

if TYPE_CHECKING:
    from cookbook.language.other_hosts import hosts

__all__ = [
    "attempt",
    "barrier",
    "before",
    "delayed",
    "derived",
    "final",
    "final_stage",
    "hosts",
    "immediate",
    "lazy",
    "node",
    "parallel",
    "recipe_function",
    "run_once",
    "secret",
    "tagged",
]


def __getattr__(name: str) -> Any:
    """Import `hosts` when a recipe names it: a run knows by that whether facts may be needed."""
    if name != "hosts":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from cookbook.language.other_hosts import hosts

    return hosts
