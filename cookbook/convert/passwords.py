"""Passwords and other secrets that stand in clear in the source: none is written into a recipe."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Any

from cookbook.convert.expressions import Untranslatable, call, constant, is_constant, literal
from cookbook.text.secret_marks import secret_in

_MARK = "..."
"""The text in place of a secret in comments."""

IN_CLEAR = "a password in clear: give its value to this command"


def advice(name: str) -> str:
    """Return what to do about a secret that stood in clear."""
    return f"a password in clear: `cook secret set {name}`, then secret({name!r})"


def is_secret(word: str, value: Any) -> bool:
    """Return whether the value of a variable or a property is a secret that stands in clear."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return False
    shown = str(value)
    return bool(shown) and (secret_in(f"{word}: {shown}") or secret_in(shown)) is not None


def hidden(path: str, found: ast.expr, names: list[str], word: str | None = None) -> ast.expr:
    """
    Return an expression with `secret(NAME)` in place of what stands in clear in it.

    The names are added to `names`. `path` is what they begin with, `word` the name of the value.
    """
    word = path.rpartition(".")[2] if word is None else word
    match found:
        case ast.Constant(value=value) if is_secret(word, value):
            names.append(_name(path))
            return call("secret", literal(names[-1]))
        case ast.Dict(keys=keys, values=values):
            shown = [_word(key) for key in keys]
            pairs = zip(shown, values, strict=True)
            inner = [hidden(f"{path}_{key}", one, names, key or word) for key, one in pairs]
            return ast.Dict(keys=keys, values=inner)
        case ast.List(elts=elements):
            made = [hidden(f"{path}_{n}", one, names, word) for n, one in enumerate(elements, 1)]
            return ast.List(elts=made, ctx=ast.Load())
        case ast.BoolOp(op=operator, values=values):
            return ast.BoolOp(op=operator, values=[hidden(path, x, names, word) for x in values])
        case ast.IfExp(test=test, body=body, orelse=orelse):
            sides = [hidden(path, one, names, word) for one in (body, orelse)]
            return ast.IfExp(test=test, body=sides[0], orelse=sides[1])
        case ast.Call(func=ast.Attribute(attr="get"), args=[key, other]):
            return ast.Call(found.func, [key, hidden(path, other, names, word)], found.keywords)
        case ast.JoinedStr(values=values):
            texts = [one.value for one in values if isinstance(one, ast.Constant)]
            if any(is_secret("", text) for text in texts):
                raise Untranslatable(advice(_name(path)))
    return found


def _word(key: ast.expr | None) -> str:
    return str(constant(key)) if key is not None and is_constant(key) else ""


def _name(path: str) -> str:
    return re.sub(r"\W+", "_", path).strip("_") or "password"


def refuse(path: str, found: ast.expr) -> ast.expr:
    """Return an expression; raises Untranslatable if a secret stands in clear in it."""
    names: list[str] = []
    hidden(path, found, names)
    for one in names:
        raise Untranslatable(advice(one))
    return found


def veiled(word: str, value: Any) -> Any:
    """Return a value of YAML for a comment, with a mark in place of the secrets in it."""
    if isinstance(value, Mapping):
        return {key: veiled(str(key), one) for key, one in value.items()}
    if isinstance(value, list):
        return [veiled(word, one) for one in value]
    return _MARK if is_secret(word, value) else value
