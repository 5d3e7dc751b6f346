"""Paths with a slash at their end, which Chef takes and the resource types refuse."""

from __future__ import annotations

import ast
import re
from typing import Any

from cookbook.convert.chef.expressions import Expressions
from cookbook.convert.chef.ruby import named
from cookbook.convert.declarations import TITLES
from cookbook.convert.expressions import (
    Untranslatable,
    constant,
    is_constant,
    literal,
    method,
)

_NAMES = frozenset({"path", "target_file", "destination", "mount_point"})
PATHS = _NAMES | {"to", "cwd", "creates"}
"""Properties that are the path of a file or folder."""


def is_path(kind: str) -> bool:
    """Return whether the name of a resource of this type is a path."""
    return TITLES.get(kind) in _NAMES


def without_slash(value: ast.expr, node: Any, by: Expressions) -> ast.expr:
    """
    Return a path without the slash at its end.

    A variable or an attribute loses it when the recipe runs, if one of its values in the
    cookbook has it.
    """
    if not is_constant(value):
        if _ends_in_slash(node, by):
            return method(value, "rstrip", literal("/"))
        return _replaced(value, r"/+\Z", "")
    given = constant(value)
    is_text = isinstance(given, str) and given.startswith("/")
    return literal(given.rstrip("/") or "/") if is_text else value


def path_in_notice(kind: str, target: ast.expr) -> ast.expr:
    """Return the target of a notice as the resource is named here: `directory[/srv/app]`."""
    return _replaced(target, r"(?<![\[/])/+\]\Z", "]") if is_path(kind) else target


def _replaced(value: ast.expr, pattern: str, by: str) -> ast.expr:
    """Return a text, or an f-string, with its end replaced."""
    match value:
        case ast.Constant(value=str(given)):
            return literal(re.sub(pattern, by, given))
        case ast.JoinedStr(values=[*before, ast.Constant(value=str(given))]):
            return ast.JoinedStr(values=[*before, ast.Constant(re.sub(pattern, by, given))])
    return value


def _ends_in_slash(node: Any, by: Expressions) -> bool:
    """Return whether a value that is known of an attribute or a loop variable ends in a slash."""
    path = by.path(node)
    if path is not None:
        return path in by.slashed or str(by.known.get(path)).endswith("/")
    return node.type == "identifier" and any(one.endswith("/") for one in _looped(node, by))


def _looped(node: Any, by: Expressions) -> list[str]:
    """Return the texts that a loop around a variable gives to it; none if they are not known."""
    word, loop = by.tree.text(node), node.parent
    while loop is not None and word not in _variables(loop, by):
        loop = loop.parent
    if loop is None:
        return []
    receiver = loop.child_by_field_name("receiver")
    if receiver.type == "array" and any(by.path(one) in by.slashed for one in named(receiver)):
        return ["/"]
    try:
        given = constant(by.value(receiver))
    except Untranslatable:
        return []
    return [one for one in given if isinstance(one, str)] if isinstance(given, list) else []


def _variables(loop: Any, by: Expressions) -> list[str]:
    """Return the variable of a loop over a list."""
    if loop.type != "call" or loop.child_by_field_name("receiver") is None:
        return []
    block = loop.child_by_field_name("block")
    found = block.child_by_field_name("parameters") if block is not None else None
    words = [by.tree.text(one) for one in named(found)] if found is not None else []
    return words if len(words) == 1 else []
