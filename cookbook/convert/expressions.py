"""Expressions of the recipe that is written: syntax trees of Python, and their text."""

from __future__ import annotations

import ast
import copy
import io
import re
import tokenize
from collections.abc import Mapping, Sequence
from typing import Any


class Untranslatable(Exception):
    """The signal that something has no counterpart; its text says why."""


def literal(value: Any) -> ast.expr:
    """
    Return the expression of a value; expressions inside of lists and mappings are kept.

    >>> text(literal({"a": [1, name("b")]}))
    '{"a": [1, b]}'
    """
    match value:
        case ast.expr():
            return value
        case Mapping():
            keys: list[ast.expr | None] = [literal(key) for key in value]
            return ast.Dict(keys=keys, values=[literal(one) for one in value.values()])
        case list() | tuple():
            return ast.List(elts=[literal(one) for one in value], ctx=ast.Load())
        case _:
            return ast.Constant(value)


def constant(expression: ast.expr) -> Any:
    """
    Return the value of an expression.

    Raises Untranslatable if it is known only when the recipe is compiled.
    """
    try:
        return ast.literal_eval(ast.unparse(expression))
    except (ValueError, SyntaxError):
        raise Untranslatable("its value is not known before the recipe runs") from None


def is_constant(expression: ast.expr) -> bool:
    """Return whether the value of an expression is known now."""
    try:
        constant(expression)
    except Untranslatable:
        return False
    return True


def name(identifier: str) -> ast.expr:
    """Return the expression of a name, also of a dotted one: `node.facts.family`."""
    return ast.parse(identifier, mode="eval").body


def call(function: str | ast.expr, *args: ast.expr, **keywords: ast.expr) -> ast.Call:
    """Return the expression of a call."""
    called = name(function) if isinstance(function, str) else function
    named = [ast.keyword(arg=word, value=value) for word, value in keywords.items()]
    return ast.Call(func=called, args=list(args), keywords=named)


def method(of: ast.expr, called: str, *args: ast.expr) -> ast.Call:
    """Return the expression of a call of a method."""
    return ast.Call(
        func=ast.Attribute(value=of, attr=called, ctx=ast.Load()), args=list(args), keywords=[]
    )


def item(of: ast.expr, key: ast.expr) -> ast.expr:
    """Return the expression of `of[key]`."""
    return ast.Subscript(value=of, slice=key, ctx=ast.Load())


def compare(left: ast.expr, operator: ast.cmpop, right: ast.expr) -> ast.expr:
    """Return the expression of a comparison."""
    return ast.Compare(left=left, ops=[operator], comparators=[right])


def negated(condition: ast.expr) -> ast.expr:
    """Return the opposite of a condition, in the form that one writes by hand."""
    opposite: dict[type[ast.cmpop], type[ast.cmpop]] = {
        ast.Eq: ast.NotEq,
        ast.NotEq: ast.Eq,
        ast.In: ast.NotIn,
        ast.NotIn: ast.In,
        ast.Is: ast.IsNot,
        ast.IsNot: ast.Is,
    }
    match condition:
        case ast.Compare(ops=[operator]) if type(operator) in opposite:
            return compare(condition.left, opposite[type(operator)](), condition.comparators[0])
        case ast.UnaryOp(op=ast.Not()):
            return condition.operand
        case ast.Constant():
            return ast.Constant(not condition.value)
    return ast.UnaryOp(op=ast.Not(), operand=condition)


def every(conditions: Sequence[ast.expr]) -> ast.expr | None:
    """Return the conjunction of conditions without those that are True; None if none is left."""
    left = [one for one in conditions if not (isinstance(one, ast.Constant) and one.value is True)]
    if len(left) < 2:
        return left[0] if left else None
    return ast.BoolOp(op=ast.And(), values=left)


def joined(parts: Sequence[str | ast.expr]) -> ast.expr:
    """Return the expression of a text that is put together: an f-string where that is possible."""
    if all(isinstance(part, str) for part in parts):
        return ast.Constant("".join(map(str, parts)))
    values: list[ast.expr] = []
    for part in parts:
        if isinstance(part, str):
            values.append(ast.Constant(part))
        elif isinstance(part, ast.JoinedStr):
            values += part.values
        else:
            values.append(ast.FormattedValue(value=part, conversion=-1))
    whole = ast.JoinedStr(values=values)
    try:
        compile(text(whole), "text", "eval")
    except (ValueError, SyntaxError):
        return _added(parts)
    return whole


def _added(parts: Sequence[str | ast.expr]) -> ast.expr:
    """Return parts added as texts, where an f-string of Python 3.11 cannot hold them."""
    texts = [ast.Constant(p) if isinstance(p, str) else call("str", p) for p in parts]
    whole: ast.expr = texts[0]
    for one in texts[1:]:
        whole = ast.BinOp(left=whole, op=ast.Add(), right=one)
    return whole


class _Fill(ast.NodeTransformer):
    def __init__(self, names: Mapping[str, ast.expr]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.names.get(node.id, node)


def filled(tree: ast.expr, names: Mapping[str, ast.expr]) -> ast.expr:
    """Return an expression with names replaced by expressions."""
    made: ast.expr = _Fill(names).visit(copy.deepcopy(tree))
    return made


def text(expression: ast.expr) -> str:
    """Return the source of an expression on one line, with double quotes."""
    return _requoted(ast.unparse(expression))


def _requoted(source: str) -> str:
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, SyntaxError):
        return source
    for token in reversed(tokens):
        if token.type == tokenize.STRING and token.start[0] == token.end[0] == 1:
            begin, end = token.start[1], token.end[1]
            source = source[:begin] + _double(token.string) + source[end:]
    return source


def _double(word: str) -> str:
    """Return a string of the source with double quotes, if that needs no escape."""
    found = re.fullmatch(r"(?s)([rbf]*)'([^']*)'", word)
    if found is None or word.endswith("'''"):
        return word
    prefix, inner = found.groups()
    if '"' not in inner:
        return f'{prefix}"{inner}"'
    if prefix == "f" and not re.search(r'(^|\})[^{]*"[^{]*(\{|$)', inner):
        return f'f"{inner.translate({34: 39})}"'
    return word
