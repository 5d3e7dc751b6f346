"""Resources on the way from the source to the recipe."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from cookbook.convert.expressions import text


@dataclass
class Draft:
    """A resource that is going to be declared."""

    kind: str
    name: ast.expr
    properties: dict[str, ast.expr] = field(default_factory=dict)

    @property
    def identity(self) -> str:
        """The type and the source of its name, to compare it with another one."""
        return f"{self.kind} {text(self.name)}"
