"""The names that a recipe can use: its variables, and those of hosts.yml."""

from __future__ import annotations

import ast
import builtins
import keyword
import re
from dataclasses import dataclass, field, replace

from cookbook.convert.expressions import Untranslatable, item, name
from cookbook.convert.helpers import HELPERS
from cookbook.plugins.registry import registered

_RECIPE = ("node", "secret", "delayed", "immediate", "before", "attempt", "tagged", "re", "lazy")


def identifier(word: str) -> str:
    """
    Return a name for a variable of Python that hides nothing that a recipe uses.

    >>> identifier("nginx-user"), identifier("class"), identifier("user")
    ('nginx_user', 'class_', 'user_')
    """
    made = re.sub(r"\W", "_", word)
    if not made.isidentifier():
        made = f"_{re.sub(r'[^A-Za-z0-9_]', '_', made)}"
    if (
        keyword.iskeyword(made)
        or made in _RECIPE
        or made in registered()
        or hasattr(builtins, made)
    ):
        return f"{made}_"
    return made


@dataclass
class NameScope:
    """The variables of a recipe that is written."""

    names: dict[str, ast.expr] = field(default_factory=dict)
    """Variable of the source -> expression of Python that has its value."""

    unset: set[str] = field(default_factory=set)
    """Those of them that may be None, which stands for: undefined."""

    forbidden: dict[str, str] = field(default_factory=dict)
    """Variables that have no counterpart -> why."""

    helpers: dict[str, str] = field(default_factory=dict)
    """The functions that the recipe needs -> their source."""

    loose: set[str] = field(default_factory=set)
    """Variables that are only known from hosts.yml: without a default."""

    kinds: dict[str, type] = field(default_factory=dict)
    """Source of a variable -> the type of its default."""

    lost: set[tuple[str, ...]] = field(default_factory=set)
    """Attributes of a node that are set by what was not translated."""

    assigned: set[str] = field(default_factory=set)
    """Variables that tasks set."""

    uses: dict[str, set[str]] = field(default_factory=dict)
    """Variable of the source -> those that its value is made of."""

    title: str = ""
    """The name of the role."""

    def inner(self, **names: ast.expr) -> NameScope:
        """Return a scope with more names, e.g. that of a loop."""
        return replace(self, names={**self.names, **names})

    def helper(self, word: str, source: str | None = None) -> ast.expr:
        """Return the expression of a function, of HELPERS or with this source; note its use."""
        self.helpers[word] = HELPERS[word] if source is None else source
        return name(word)

    def variable(self, word: str) -> ast.expr:
        """
        Return the expression of a variable.

        Raises Untranslatable for one that has no counterpart.
        """
        if (found := self.names.get(word)) is not None:
            return found
        if word in self.forbidden:
            raise Untranslatable(self.forbidden[word])
        self.loose.add(word)
        return item(name("node.vars"), ast.Constant(word))

    def add(self, word: str, *, unset: bool = False) -> str:
        """Make a variable of the recipe; return its name in Python."""
        made = identifier(word)
        self.names[word] = name(made)
        if unset:
            self.unset.add(word)
        else:
            self.unset.discard(word)
        return made
