"""The syntax trees of Jinja: the parser, and questions about nodes."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

import jinja2
from jinja2 import nodes

from cookbook.convert.ansible import facts
from cookbook.convert.expressions import Untranslatable, literal

_OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "gteq": operator.ge,
    "lt": operator.lt,
    "lteq": operator.le,
}


class _Lenient(dict[str, Any]):
    """A table in which Jinja finds each filter and test, so that its parser takes all of them."""

    def __contains__(self, key: object) -> bool:
        return True


ENVIRONMENT = jinja2.Environment(  # noqa: S701 - it only parses
    extensions=["jinja2.ext.do"], keep_trailing_newline=True
)
ENVIRONMENT.filters = _Lenient(ENVIRONMENT.filters)
ENVIRONMENT.tests = _Lenient(ENVIRONMENT.tests)


def parsed(source: str) -> nodes.Template:
    """Return the syntax tree of a text; raises Untranslatable."""
    try:
        return ENVIRONMENT.parse(source)
    except (jinja2.TemplateError, RecursionError) as error:
        raise Untranslatable(f"Jinja does not parse: {error}") from None


def dotted(node: Any) -> str | None:
    """Return `a.b` for `a.b` and `a["b"]`; None for everything else."""
    match node:
        case nodes.Name():
            return node.name
        case nodes.Getattr():
            before, last = dotted(node.node), node.attr
        case nodes.Getitem(arg=nodes.Const(value=str(word))):
            before, last = dotted(node.node), word
        case _:
            return None
    return f"{before}.{last}" if before is not None else None


def words_of(node: Any) -> Mapping[str, str] | None:
    """Return the table of words if a side of a comparison is a fact with other names here."""
    if isinstance(node, nodes.Filter) and node.name == "lower":
        node = node.node
    return facts.WORDS.get(facts.fact_of(dotted(node) or "") or "")


def compared(word: str, left: Any, right: Any) -> ast.expr:
    """Return the result of a comparison of two values; raises Untranslatable if there is none."""
    try:
        match word:
            case "in":
                return literal(left in right)
            case "notin":
                return literal(left not in right)
        return literal(bool(_OPERATORS[word](left, right)))
    except TypeError as error:
        raise Untranslatable(f"a comparison that fails: {error}") from None


def flat(part: str | ast.expr) -> str | ast.expr:
    """Return a part that is a constant as its text."""
    if isinstance(part, ast.Constant):
        return str(part.value)
    return part
