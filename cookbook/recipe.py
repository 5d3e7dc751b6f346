"""
The names for recipes beside the resource types: the host, notifications, secrets.

    from cookbook.recipe import delayed, node
    from cookbook.resources import service, template
"""

from __future__ import annotations

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

__all__ = [
    "attempt",
    "before",
    "delayed",
    "derived",
    "final",
    "final_stage",
    "immediate",
    "lazy",
    "node",
    "parallel",
    "recipe_function",
    "secret",
    "tagged",
]
