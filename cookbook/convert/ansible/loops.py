"""Loops of Ansible as `for` of Python."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cookbook.convert.ansible.jinja import Translator
from cookbook.convert.expressions import (
    Untranslatable,
    constant,
    filled,
    is_constant,
    literal,
    name,
    text,
)
from cookbook.convert.scope import NameScope, identifier


@dataclass
class Loop:
    """A loop around a task."""

    head: tuple[str, ast.expr]
    scope: NameScope
    names: set[str]
    """The variables that differ in each turn, in Python."""


def loop_of(keywords: Mapping[str, Any], scope: NameScope, sources: Any) -> Loop | None:
    """
    Return the loop of a task; None if it has none.

    Raises Untranslatable if what it goes over is not known when the recipe is compiled.
    """
    word = next((w for w in keywords if w == "loop" or w.startswith("with_")), None)
    if word is None:
        return None
    control = keywords.get("loop_control") or {}
    if not isinstance(control, Mapping):
        raise Untranslatable("loop_control that is no mapping")
    if set(control) - {"loop_var", "label", "pause", "extended"}:
        raise Untranslatable(f"loop_control: {', '.join(sorted(control))}")
    variable = str(control.get("loop_var", "item"))
    made = "item" if variable == "item" else identifier(variable)
    over = _sequence(word, keywords[word], scope, sources)
    inner = scope.inner(**{variable: name(made)})
    return Loop((f"for {made} in", over), inner, {made})


def _sequence(word: str, value: Any, scope: NameScope, sources: Any) -> ast.expr:
    translator = Translator(scope)
    match word:
        case "loop" | "with_list":
            return _bare(value, scope)
        case "with_items" | "with_flattened":
            return _flattened(value, scope)
        case "with_dict":
            return _filled("[{'key': k, 'value': v} for k, v in OVER.items()]", _bare(value, scope))
        case "with_together" if isinstance(value, list):
            parts = [_bare(one, scope) for one in value]
            return ast.Call(func=name("zip"), args=parts, keywords=[])
        case "with_indexed_items":
            return ast.Call(func=name("enumerate"), args=[_flattened(value, scope)], keywords=[])
        case "with_nested" | "with_cartesian" if isinstance(value, list) and len(value) == 2:
            parts = [_bare(one, scope) for one in value]
            return _filled("[(one, two) for one in OVER for two in OTHER]", *parts)
        case "with_subelements" if isinstance(value, list) and len(value) > 1:
            parts = [_bare(value[0], scope), translator.value(value[1])]
            return _filled("[(one, sub) for one in OVER for sub in one.get(OTHER, [])]", *parts)
        case "with_fileglob":
            return literal(sources.glob(value))
    raise Untranslatable(f"a loop by {word}")


def _bare(value: Any, scope: NameScope) -> ast.expr:
    """Return the expression of what a loop goes over; old roles leave the braces out."""
    if isinstance(value, str) and "{{" not in value:
        return Translator(scope).condition(value)
    found = Translator(scope, literal([])).value(value)
    if isinstance(found, ast.Constant):
        raise Untranslatable("a loop over a text")
    return found


def _flattened(value: Any, scope: NameScope) -> ast.expr:
    """Return a list whose elements that are lists are flattened by one level."""
    if not isinstance(value, list):
        return _bare(value, scope)
    elements: list[ast.expr] = []
    for one in value:
        found = Translator(scope).value(one)
        if is_constant(found):
            inner = constant(found)
            elements += [literal(x) for x in inner] if isinstance(inner, list) else [found]
        elif isinstance(found, ast.Dict | ast.JoinedStr):
            elements.append(found)
        elif len(value) == 1 and isinstance(one, str):
            return found
        else:
            elements.append(_part(found, scope))
    return literal(elements)


def _part(found: ast.expr, scope: NameScope) -> ast.expr:
    """Return an element of a list that may be a list itself, or a text."""
    kind = scope.kinds.get(text(found))
    if kind is list:
        return ast.Starred(value=found, ctx=ast.Load())
    if kind is str:
        return found
    raise Untranslatable("a loop over a list whose parts may be lists")


def _filled(source: str, over: ast.expr, other: ast.expr | None = None) -> ast.expr:
    names = {"OVER": over, **({"OTHER": other} if other is not None else {})}
    return filled(ast.parse(source, mode="eval").body, names)


def naming_part(expressions: Sequence[ast.expr], loop: Loop) -> ast.expr:
    """Return what tells the turns of a loop apart in a name: an element of the item, or itself."""
    for expression in expressions:
        for node in ast.walk(expression):
            if (
                isinstance(node, ast.Subscript)
                and isinstance(node.value, ast.Name)
                and node.value.id in loop.names
            ):
                return node
    return name(next(iter(loop.names)))
