"""The lines of an expression, as `ruff format` leaves them."""

from __future__ import annotations

import ast

from cookbook.convert.expressions import text

WIDTH = 100
"""Columns of a line."""


def lines(expression: ast.expr, indent: int, before: str = "", after: str = "") -> list[str]:
    """
    Return the source of an expression, broken like ruff does where it is too long for a line.

    `before` and `after` are what stands on its first and last line: `content=`, `,`.
    """
    pad = " " * indent
    whole = f"{pad}{before}{text(expression)}{after}"
    if len(whole) <= WIDTH and "\n" not in whole and not _is_long_text(expression):
        return [whole]
    made = _broken(expression, indent, before, after)
    return made if made is not None else [whole]


def _broken(expression: ast.expr, indent: int, before: str, after: str) -> list[str] | None:
    """Return the source on several lines; None where it cannot be broken."""
    pad = " " * indent
    match expression:
        case ast.Constant(value=str(content)) if "\n" in content.rstrip("\n"):
            parts = [f"{pad}    {text(ast.Constant(line))}" for line in _text_lines(content)]
            return [f"{pad}{before}(", *parts, f"{pad}){after}"]
        case ast.List(elts=elements) if elements:
            inner = [line for one in elements for line in lines(one, indent + 4, "", ",")]
            return [f"{pad}{before}[", *inner, f"{pad}]{after}"]
        case ast.Dict(keys=keys, values=values) if keys:
            inner = []
            for key, value in zip(keys, values, strict=True):
                start = f"{text(key)}: " if key is not None else "**"
                inner += lines(value, indent + 4, start, ",")
            return [f"{pad}{before}{{", *inner, f"{pad}}}{after}"]
        case ast.Call(func=function, args=args, keywords=keywords) if args or keywords:
            head = f"{pad}{before}{text(function)}("
            if len(head) > WIDTH and (made := _broken_before(expression, indent, before, after)):
                return made
            return [head, *_arguments(expression, indent + 4), f"{pad}){after}"]
        case ast.Call() | ast.Subscript():
            return _broken_before(expression, indent, before, after)
    return _broken_operators(expression, indent, before, after)


def _arguments(called: ast.Call, indent: int) -> list[str]:
    """Return the arguments of a call, each on a line of its own."""
    inner = [line for one in called.args for line in lines(one, indent, "", ",")]
    for keyword in called.keywords:
        inner += lines(keyword.value, indent, f"{keyword.arg}=", ",")
    return inner


def _broken_before(expression: ast.expr, indent: int, before: str, after: str) -> list[str] | None:
    """Return `{...}.get(key)` or `{...}[key]` with the part before the last dot, or `[`, broken."""
    match expression:
        case ast.Call(func=ast.Attribute(value=of, attr=called)):
            begin = f".{called}("
        case ast.Subscript(value=of):
            begin = "["
        case _:
            return None
    whole, shown = text(expression), text(of)
    if not whole.startswith(f"{shown}{begin}"):
        return None
    made = _broken(of, indent, before, f"{whole.removeprefix(shown)}{after}")
    if made is None or len(made[-1]) <= WIDTH or not isinstance(expression, ast.Call):
        return made
    made = _broken(of, indent, before, begin) or []
    return [*made, *_arguments(expression, indent + 4), f"{' ' * indent}){after}"]


def _broken_operators(
    expression: ast.expr, indent: int, before: str, after: str
) -> list[str] | None:
    pad = " " * indent
    whole = f"{pad}    {text(expression)}"
    in_parentheses = isinstance(expression, ast.BoolOp | ast.IfExp | ast.BinOp)
    if in_parentheses and len(whole) <= WIDTH and "\n" not in whole:
        return [f"{pad}{before}(", whole, f"{pad}){after}"]
    match expression:
        case ast.BoolOp(op=operator, values=values):
            word = "and" if isinstance(operator, ast.And) else "or"
            parts = _operand(values[0], indent + 4, "")
            parts += [line for one in values[1:] for line in _operand(one, indent + 4, f"{word} ")]
            return [f"{pad}{before}(", *parts, f"{pad}){after}"]
        case ast.IfExp():
            return [f"{pad}{before}(", *_choices(expression, indent + 4, ""), f"{pad}){after}"]
        case ast.Compare(left=left, ops=[_], comparators=[right]):
            shown, made = text(expression), None
            if shown.endswith(f" {text(right)}"):
                first = shown.removesuffix(text(right))
                made = _broken(right, indent, f"{before}{first}", after)
            if made is None and shown.startswith(f"{text(left)} "):
                made = _broken(left, indent, before, f"{shown.removeprefix(text(left))}{after}")
            return made
        case ast.ListComp(elt=each, generators=[ast.comprehension() as loop]):
            parts = [*lines(each, indent + 4)]
            parts += lines(loop.iter, indent + 4, f"for {text(loop.target)} in ")
            parts += [line for one in loop.ifs for line in lines(one, indent + 4, "if ")]
            return [f"{pad}{before}[", *parts, f"{pad}]{after}"]
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return _broken(operand, indent, f"{before}not ", after)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            parts = [*lines(left, indent + 4), *lines(right, indent + 4, "+ ")]
            return [f"{pad}{before}(", *parts, f"{pad}){after}"]
    return None


def _choices(expression: ast.expr, indent: int, before: str) -> list[str]:
    """Return the lines of `a if b else c`, with each `else` of a chain on a line of its own."""
    if not isinstance(expression, ast.IfExp):
        return lines(expression, indent, before)
    parts = [*lines(expression.body, indent, before), *lines(expression.test, indent, "if ")]
    return [*parts, *_choices(expression.orelse, indent, "else ")]


def _operand(value: ast.expr, indent: int, before: str) -> list[str]:
    """Return the lines of a part of a condition, in parentheses where it needs them."""
    if isinstance(value, ast.BoolOp | ast.IfExp):
        return [f"{' ' * indent}{before}({text(value)})"]
    return lines(value, indent, before)


def _is_long_text(expression: ast.expr) -> bool:
    """Return whether this is a text of several lines that is better shown line by line."""
    value = getattr(expression, "value", None)
    return isinstance(value, str) and value.rstrip("\n").count("\n") > 0 and len(value) > 40


def _text_lines(content: str) -> list[str]:
    return content.splitlines(keepends=True)
