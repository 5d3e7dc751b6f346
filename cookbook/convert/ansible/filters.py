"""Filters and tests of Jinja and Ansible, and what does the same in Python."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping, Sequence

from cookbook.convert.expressions import (
    Untranslatable,
    call,
    compare,
    filled,
    literal,
    method,
    name,
    text,
)
from cookbook.convert.scope import NameScope

Args = Sequence[ast.expr]
Named = Mapping[str, ast.expr]
_Filter = Callable[[NameScope, ast.expr, Args], ast.expr]


def _method(called: str, most: int = 0) -> _Filter:
    def make(_scope: NameScope, of: ast.expr, args: Args) -> ast.expr:
        if len(args) > most:
            raise Untranslatable(f"{called} with {len(args)} arguments")
        return method(_as_text(of), called, *args)

    return make


def _function(called: str) -> _Filter:
    def make(_scope: NameScope, of: ast.expr, args: Args) -> ast.expr:
        if args:
            raise Untranslatable(f"{called} with arguments")
        return call(called, of)

    return make


def _as_text(of: ast.expr) -> ast.expr:
    """Return an expression as a text, if it may be something else."""
    is_text = isinstance(of, ast.JoinedStr | ast.Name | ast.Subscript | ast.Call | ast.Attribute)
    return of if is_text or isinstance(of, ast.Constant) else call("str", of)


def _template(source: str) -> _Filter:
    """Return a filter whose source has VALUE and A, B for its arguments."""

    def make(_scope: NameScope, of: ast.expr, args: Args) -> ast.expr:
        names = {"VALUE": of, **dict(zip("AB", args, strict=False))}
        if len(args) != _arguments(source):
            raise Untranslatable("arguments of a filter")
        return filled(ast.parse(source, mode="eval").body, names)

    return make


def _arguments(source: str) -> int:
    return len({*re.findall(r"\b[AB]\b", source)})


def _bool(scope: NameScope, of: ast.expr, _args: Args) -> ast.expr:
    if isinstance(of, ast.Compare | ast.BoolOp | ast.UnaryOp):
        return of
    if isinstance(of, ast.Constant) and isinstance(of.value, bool):
        return of
    return ast.Call(func=scope.helper("as_bool"), args=[of], keywords=[])


def _folded(called: str) -> _Filter:
    """Return a filter of an order in which small letters and capitals are equal."""

    def make(scope: NameScope, of: ast.expr, args: Args) -> ast.expr:
        if args:
            raise Untranslatable(f"{called} with arguments")
        return call(called, of, key=scope.helper("folded"))

    return make


def _flatten(scope: NameScope, of: ast.expr, args: Args) -> ast.expr:
    if args:
        raise Untranslatable("flatten with levels")
    return ast.Call(func=scope.helper("flat"), args=[of], keywords=[])


def _join(_scope: NameScope, of: ast.expr, args: Args) -> ast.expr:
    parts = ast.Call(func=name("map"), args=[name("str"), of], keywords=[])
    return method(args[0] if args else literal(""), "join", parts)


def _ternary(_scope: NameScope, of: ast.expr, args: Args) -> ast.expr:
    if len(args) != 2:
        raise Untranslatable("ternary needs two values")
    return ast.IfExp(test=of, body=args[0], orelse=args[1])


def _combine(_scope: NameScope, of: ast.expr, args: Args) -> ast.expr:
    return ast.Dict(keys=[None] * (1 + len(args)), values=[of, *args])


def _replace(_scope: NameScope, of: ast.expr, args: Args) -> ast.expr:
    if len(args) != 2:
        raise Untranslatable("replace needs two values")
    return method(_as_text(of), "replace", *args)


def _same(_scope: NameScope, of: ast.expr, _args: Args) -> ast.expr:
    return of


def _regex_replace(_scope: NameScope, of: ast.expr, args: Args) -> ast.expr:
    if not args:
        raise Untranslatable("regex_replace without a pattern")
    replacement = args[1] if len(args) > 1 else literal("")
    return call("re.sub", args[0], replacement, of)


FILTERS: Mapping[str, _Filter] = {
    "abs": _function("abs"),
    "b64decode": _template("base64.b64decode(VALUE).decode()"),
    "b64encode": _template("base64.b64encode(VALUE.encode()).decode()"),
    "basename": _template("posixpath.basename(VALUE)"),
    "bool": _bool,
    "capitalize": _method("capitalize"),
    "combine": _combine,
    "count": _function("len"),
    "dict2items": _template('[{"key": key, "value": value} for key, value in VALUE.items()]'),
    "difference": _template("list(dict.fromkeys(one for one in VALUE if one not in A))"),
    "dirname": _template("posixpath.dirname(VALUE)"),
    "first": _template("VALUE[0]"),
    "flatten": _flatten,
    "float": _function("float"),
    "int": _function("int"),
    "intersect": _template("list(dict.fromkeys(one for one in VALUE if one in A))"),
    "items": _template("list(VALUE.items())"),
    "join": _join,
    "last": _template("VALUE[-1]"),
    "length": _function("len"),
    "list": _function("list"),
    "lower": _method("lower"),
    "mandatory": _same,
    "max": _folded("max"),
    "min": _folded("min"),
    "quote": _template("shlex.quote(str(VALUE))"),
    "regex_replace": _regex_replace,
    "replace": _replace,
    "round": _template("float(round(VALUE))"),
    "sort": _folded("sorted"),
    "split": _method("split", 1),
    "string": _function("str"),
    "ternary": _ternary,
    "to_json": _function("json.dumps"),
    "trim": _method("strip"),
    "union": _template("list(dict.fromkeys([*VALUE, *A]))"),
    "upper": _method("upper"),
}
"""Filter -> the function that makes its expression."""

_MAPPING = "collections.abc.Mapping"
"""Mappings of hosts.yml with secrets in them are no dict."""

_VERSIONS: Mapping[str, type[ast.cmpop]] = {
    ">=": ast.GtE,
    "ge": ast.GtE,
    ">": ast.Gt,
    "gt": ast.Gt,
    "<": ast.Lt,
    "lt": ast.Lt,
    "<=": ast.LtE,
    "le": ast.LtE,
    "=": ast.Eq,
    "==": ast.Eq,
    "eq": ast.Eq,
    "!=": ast.NotEq,
    "ne": ast.NotEq,
}


def translated(scope: NameScope, word: str, of: ast.expr, args: Args, named: Named) -> ast.expr:
    """
    Return the expression of a filter.

    Raises Untranslatable for one that has no counterpart.
    """
    last = word.rpartition(".")[2]
    if last == "map" and list(named) == ["attribute"] and not args:
        return filled(_MAPPED, {"VALUE": of, "A": named["attribute"]})
    if last not in FILTERS or named:
        raise Untranslatable(f"there is no counterpart of the filter {word}")
    return FILTERS[last](scope, of, args)


_MAPPED = ast.parse("[one[A] for one in VALUE]", mode="eval").body


def tested(scope: NameScope, word: str, of: ast.expr, args: Args, named: Named) -> ast.expr:
    """
    Return the expression of a test.

    Raises Untranslatable for one that has no counterpart.
    """
    last = word.rpartition(".")[2]
    if last in ("version", "version_compare") and args and set(named) <= {"operator"}:
        return _version(scope, of, [*args, *named.values()])
    if named:
        raise Untranslatable(f"the test {word} with options")
    if last in _TYPES and not args:
        return call("isinstance", of, name(_TYPES[last]))
    if last in _TESTS and len(args) == _arguments(_TESTS[last]):
        names = {"VALUE": of, **dict(zip("A", args, strict=False))}
        return filled(ast.parse(_TESTS[last], mode="eval").body, names)
    raise Untranslatable(f"there is no counterpart of the test {word}")


_TYPES: Mapping[str, str] = {
    "mapping": _MAPPING,
    "number": "int | float",
    "iterable": f"str | list | tuple | {_MAPPING}",
    "sequence": f"str | list | tuple | {_MAPPING}",
    "string": "str",
}
"""Test of a type -> the types of Python."""

_TESTS: Mapping[str, str] = {
    **dict.fromkeys(("equalto", "eq", "=="), "VALUE == A"),
    "false": "VALUE is False",
    "falsy": "not VALUE",
    "in": "VALUE in A",
    "match": "re.match(A, str(VALUE)) is not None",
    "none": "VALUE is None",
    "sameas": "VALUE is A",
    "search": "re.search(A, str(VALUE)) is not None",
    "true": "VALUE is True",
    "truthy": "VALUE",
}
"""Test -> expression of Python with VALUE, and A for its argument."""


def _version(scope: NameScope, of: ast.expr, args: Args) -> ast.expr:
    word = text(args[1]).strip("\"'") if len(args) > 1 else "=="
    if word not in _VERSIONS:
        raise Untranslatable(f"a comparison of versions by {word}")
    numbers = scope.helper("numbers")
    sides = [ast.Call(func=numbers, args=[one], keywords=[]) for one in (of, args[0])]
    return compare(sides[0], _VERSIONS[word](), sides[1])
