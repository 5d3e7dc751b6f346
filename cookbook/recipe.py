"""
The names for recipes beside the resource types: the host, notifications, secrets.

    from cookbook.recipe import delayed, node
    from cookbook.resources import service, template
"""

from __future__ import annotations

from cookbook.language.recipe import (
    delayed,
    derived,
    final,
    immediate,
    node,
    recipe_function,
    secret,
    tagged,
)

__all__ = [
    "delayed",
    "derived",
    "final",
    "immediate",
    "node",
    "recipe_function",
    "secret",
    "tagged",
]
