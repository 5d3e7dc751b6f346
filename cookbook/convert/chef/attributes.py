"""The attributes of a cookbook as a module of Python."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cookbook.convert.chef.flow import RubyFlow
from cookbook.convert.chef.ruby import Tree
from cookbook.convert.chef.words import Path as Attribute
from cookbook.convert.source_tree import is_inside
from cookbook.convert.statements import Statement

HEAD = '''"""The attributes of the cookbook; values of node.vars have priority."""

import copy
from collections.abc import Mapping
from typing import Any

from cookbook.recipe import node

attributes: dict[str, Any] = copy.deepcopy(dict(node.vars))


def default(*path: str, value: Any) -> None:
    """Set an attribute, unless the host has another value in hosts.yml."""
    *parents, last = path
    given: Any = node.vars
    place = attributes
    for key in parents:
        given = given.get(key, {}) if isinstance(given, Mapping) else {}
        place = place.setdefault(key, {})
    if isinstance(given, Mapping) and last in given:
        if isinstance(value, dict) and isinstance(given[last], Mapping):
            place[last] = {**value, **given[last]}
        return
    place[last] = value


def attribute(*path: str) -> Any:
    """Return the value of an attribute; None if it is not set."""
    found: Any = attributes
    for key in path:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


def is_set(value: object) -> bool:
    """Return whether Ruby takes a value for true: all but nil and false are."""
    return value is not None and value is not False


def as_text(value: object) -> str:
    """Return a value as Ruby writes it into a text: nothing for nil, `true` for True."""
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
'''


def convert(root: Path, flow_of: Any) -> tuple[list[Statement], dict[Attribute, Any]]:
    """Return the statements of the attribute files, and the attributes that they set."""
    known: dict[Attribute, Any] = {}
    made: list[Statement] = []
    every = [path for path in (root / "attributes").glob("*.rb") if is_inside(path, root)]
    files = sorted(every, key=lambda p: (p.stem != "default", p.name))
    for path in files:
        tree = Tree.of(path, f"attributes/{path.name}")
        flow: RubyFlow = flow_of(tree, known)
        made += flow.statements(tree.root)
    return made, known


def text(statements: Sequence[Statement]) -> str:
    """Return the source of the module."""
    body = "\n".join(line for one in statements for line in one.render(0))
    names = {node.id for node in ast.walk(ast.parse(body)) if isinstance(node, ast.Name)}
    head = HEAD
    if "secret" in names:
        head = HEAD.replace("import node\n", "import node, secret\n")
    return f"{head}\n\n{body}\n" if body else head
