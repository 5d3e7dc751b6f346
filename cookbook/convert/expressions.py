"""Expressions of the recipe that is written: syntax trees of Python, and their text."""

from __future__ import annotations

import ast
import copy
import io
import re
import tokenize
from collections.abc import Callable, Mapping, Sequence
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
    return whole if _f_string(whole) is not None else _added(parts)


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
    """
    Return the source of an expression on one line, with double quotes.

    It is the same on each Python, and Python 3.11 can read it: what `ast.unparse` writes of an
    f-string has the quotes of the f-string inside of it since 3.12.
    """
    return _source(expression, _requoted)


class _Marks(ast.NodeTransformer):
    """Puts names in place of f-strings."""

    def __init__(self, mark: str) -> None:
        self.mark = mark
        self.found: dict[str, ast.JoinedStr] = {}

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.expr:
        name = f"{self.mark}{len(self.found)}_"
        self.found[name] = node
        return ast.Name(name, ast.Load())


def _source(expression: ast.expr, finish: Callable[[str], str]) -> str:
    """Return the source; `finish` changes what is outside of f-strings."""
    if not any(isinstance(node, ast.JoinedStr) for node in ast.walk(expression)):
        return finish(ast.unparse(expression))
    mark = "_f"
    shown = ast.dump(expression)
    while mark in shown:
        mark += "_f"
    marks = _Marks(mark)
    source = finish(ast.unparse(marks.visit(copy.deepcopy(expression))))
    for word, node in marks.found.items():
        made = _f_string(node)
        source = source.replace(word, f"({text(_sum(node))})" if made is None else made)
    return source


def _sum(node: ast.JoinedStr) -> ast.expr:
    """Return the parts of an f-string, added."""
    return _added(
        [str(one.value) if isinstance(one, ast.Constant) else _plain(one) for one in node.values]
    )


def _plain(part: ast.expr) -> ast.expr:
    """Return the expression in a part of an f-string, with its conversion and its format."""
    if not isinstance(part, ast.FormattedValue):
        return part
    converted = {ord("r"): "repr", ord("a"): "ascii"}.get(part.conversion)
    value = part.value if converted is None else call(converted, part.value)
    return value if part.format_spec is None else call("format", value, part.format_spec)


def _f_string(node: ast.JoinedStr) -> str | None:
    """Return the source of an f-string as Python 3.11 can read it; None if it cannot."""
    parts = [_part(one) for one in node.values]
    inner = "".join(shown for shown, is_code in parts if is_code)
    if "\\" in inner or "#" in inner or "\n" in inner:
        return None
    whole = "".join(shown for shown, _ in parts)
    ends = any(shown.endswith('"') for shown, is_code in parts if not is_code)
    quotes = ['"', "'", *(["'''", '"""'] if ends else ['"""', "'''"])]
    for quote in quotes:
        if quote not in whole and not whole.endswith(quote[0]):
            return f"f{quote}{whole}{quote}"
    for quote in quotes:
        if quote not in inner:
            shown = (
                part if is_code else part.replace(quote[0], f"\\{quote[0]}")
                for part, is_code in parts
            )
            return f"f{quote}{''.join(shown)}{quote}"
    return None


def _part(part: ast.expr) -> tuple[str, bool]:
    """Return the source of a part of an f-string, and whether it is an expression."""
    if not isinstance(part, ast.FormattedValue):
        value = str(part.value) if isinstance(part, ast.Constant) else ""
        return _escaped(value).replace("{", "{{").replace("}", "}}"), False
    shown = _source(part.value, str)
    if isinstance(part.value, ast.Lambda):
        shown = f"({shown})"
    shown = f" {shown}" if shown.startswith("{") else shown
    if part.conversion != -1:
        shown += f"!{chr(part.conversion)}"
    if isinstance(part.format_spec, ast.JoinedStr):
        shown += ":" + "".join(_part(one)[0] for one in part.format_spec.values)
    return f"{{{shown}}}", True


def _escaped(value: str) -> str:
    """Return a text with escapes for what cannot be shown, and for backslashes."""
    return "".join(
        char
        if char.isprintable() and char != "\\"
        else char.encode("unicode_escape").decode("ascii")
        for char in value
    )


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
    found = re.fullmatch(r"(?s)([rb]*)'([^']*)'", word)
    if found is None or word.endswith("'''") or '"' in found[2]:
        return word
    return f'{found[1]}"{found[2]}"'
