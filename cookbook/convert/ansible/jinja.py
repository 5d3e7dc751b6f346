"""Expressions of Jinja, as Ansible uses them, translated to Python."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

import jinja2
from jinja2 import nodes

from cookbook.convert.ansible import facts, filters
from cookbook.convert.ansible.reader import Unsafe, Vaulted
from cookbook.convert.expressions import (
    Untranslatable,
    compare,
    constant,
    every,
    is_constant,
    item,
    joined,
    literal,
    method,
    name,
    negated,
)
from cookbook.convert.scope import NameScope

_COMPARISONS: Mapping[str, type[ast.cmpop]] = {
    "eq": ast.Eq,
    "ne": ast.NotEq,
    "gt": ast.Gt,
    "gteq": ast.GtE,
    "lt": ast.Lt,
    "lteq": ast.LtE,
    "in": ast.In,
    "notin": ast.NotIn,
}

_OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "gteq": operator.ge,
    "lt": operator.lt,
    "lteq": operator.le,
}

_ARITHMETIC: Mapping[type[nodes.BinExpr], type[ast.operator]] = {
    nodes.Add: ast.Add,
    nodes.Sub: ast.Sub,
    nodes.Mul: ast.Mult,
    nodes.Div: ast.Div,
    nodes.FloorDiv: ast.FloorDiv,
    nodes.Mod: ast.Mod,
    nodes.Pow: ast.Pow,
}

_METHODS = frozenset(
    [
        "split",
        "strip",
        "lstrip",
        "rstrip",
        "startswith",
        "endswith",
        "lower",
        "upper",
        "replace",
        "join",
        "format",
        "items",
        "keys",
        "values",
        "get",
        "find",
        "index",
        "count",
        "title",
        "capitalize",
        "splitlines",
        "rsplit",
    ]
)
"""Methods of texts, lists and mappings that Jinja calls as Python does."""


_UNKNOWN = frozenset(
    [
        "ansible_local",
        "getent_passwd",
        "groups",
        "hostvars",
        "inventory_dir",
        "item",
        "lookup",
        "loop",
        "omit",
        "packages",
        "play_hosts",
        "playbook_dir",
        "q",
        "query",
        "role_path",
        "services",
    ]
)
"""Names of Ansible that have no counterpart where they are not variables of the role."""


class _Lenient(dict[str, Any]):
    """A table in which Jinja finds each filter and test, so that its parser takes all of them."""

    def __contains__(self, key: object) -> bool:
        return True


ENVIRONMENT = jinja2.Environment(  # noqa: S701 - it only parses
    extensions=["jinja2.ext.do"], keep_trailing_newline=True
)
ENVIRONMENT.filters = _Lenient(ENVIRONMENT.filters)
ENVIRONMENT.tests = _Lenient(ENVIRONMENT.tests)


class Translator:
    """Translates the expressions of one place, with the names that are known there."""

    def __init__(self, scope: NameScope, omitted: ast.expr | None = None) -> None:
        self.scope = scope
        self.omitted = omitted
        """The value that stands for `omit`; None where it cannot be left out."""

    # --- whole values -------------------------------------------------------------------------

    def value(self, found: Any) -> ast.expr:
        """
        Return the expression of a value of YAML, in which texts may have expressions of Jinja.

        Raises Untranslatable.
        """
        match found:
            case Vaulted():
                raise Untranslatable("a value encrypted by ansible-vault")
            case Unsafe():
                return literal(str(found))
            case str():
                return self.in_text(found)
            case dict():
                values = [self.value(one) for one in found.values()]
                return ast.Dict(keys=[self.value(key) for key in found], values=values)
            case list() | tuple():
                return ast.List(elts=[self.value(one) for one in found], ctx=ast.Load())
        return literal(found)

    def in_text(self, source: str) -> ast.expr:
        """Return the expression of a text; raises Untranslatable."""
        if "{{" not in source and "{%" not in source and "{#" not in source:
            return literal(source)
        body = _parsed(source).body
        if len(body) == 1 and isinstance(body[0], nodes.Output):
            first, *rest = body[0].nodes
            ends = all(isinstance(one, nodes.TemplateData) and one.data == "\n" for one in rest)
            if ends and not isinstance(first, nodes.TemplateData):
                return self.expression(first)
        return self._joined(body)

    def _joined(self, body: list[nodes.Node]) -> ast.expr:
        parts: list[str | ast.expr] = []
        for one in body:
            if isinstance(one, nodes.Output):
                for node in one.nodes:
                    if isinstance(node, nodes.TemplateData):
                        parts.append(node.data)
                    else:
                        parts.append(self.expression(node))
            elif isinstance(one, nodes.If):
                parts.append(self._choice(one))
            else:
                raise Untranslatable(f"a {type(one).__name__.lower()} of Jinja inside of a value")
        return joined([_flat(part) for part in parts])

    def _choice(self, one: nodes.If) -> ast.expr:
        other: ast.expr = self._joined(one.else_) if one.else_ else ast.Constant("")
        for branch in reversed(one.elif_):
            other = ast.IfExp(
                test=self.expression(branch.test), body=self._joined(branch.body), orelse=other
            )
        return ast.IfExp(test=self.expression(one.test), body=self._joined(one.body), orelse=other)

    def condition(self, found: Any) -> ast.expr:
        """Return the expression of `when`; raises Untranslatable."""
        if isinstance(found, list):
            return every([self.condition(one) for one in found]) or literal(True)
        if not isinstance(found, str):
            return literal(bool(found))
        source = found.strip()
        if "{{" in source or "{%" in source:
            if source.startswith("{{") and source.endswith("}}") and source.count("{{") == 1:
                source = source[2:-2]
            else:
                raise Untranslatable("a condition with templates inside of it")
        return self._parsed_condition(source)

    def _parsed_condition(self, source: str) -> ast.expr:
        body = _parsed(f"{{{{ {source} }}}}").body
        if len(body) != 1 or not isinstance(body[0], nodes.Output) or len(body[0].nodes) != 1:
            raise Untranslatable("not one expression")
        return self.expression(body[0].nodes[0])

    # --- expressions --------------------------------------------------------------------------

    def expression(self, node: nodes.Node) -> ast.expr:
        """Return the expression of a node of Jinja's syntax tree; raises Untranslatable."""
        kind = type(node).__name__.lower()
        if isinstance(node, nodes.BinExpr) and type(node) in _ARITHMETIC:
            return ast.BinOp(
                left=self.expression(node.left),
                op=_ARITHMETIC[type(node)](),
                right=self.expression(node.right),
            )
        translate = getattr(self, f"_{kind}", None)
        if translate is None:
            raise Untranslatable(f"a {kind} of Jinja")
        result: ast.expr = translate(node)
        return result

    def _const(self, node: nodes.Const) -> ast.expr:
        return literal(node.value)

    def _templatedata(self, node: nodes.TemplateData) -> ast.expr:
        return literal(node.data)

    def _list(self, node: nodes.List) -> ast.expr:
        return literal([self.expression(one) for one in node.items])

    _tuple = _list

    def _dict(self, node: nodes.Dict) -> ast.expr:
        keys: list[ast.expr | None] = [self.expression(pair.key) for pair in node.items]
        return ast.Dict(keys=keys, values=[self.expression(pair.value) for pair in node.items])

    def _not(self, node: nodes.Not) -> ast.expr:
        return negated(self.expression(node.node))

    def _neg(self, node: nodes.Neg) -> ast.expr:
        return ast.UnaryOp(op=ast.USub(), operand=self.expression(node.node))

    def _and(self, node: nodes.And) -> ast.expr:
        whole = every([*_flattened(nodes.And, node, self)])
        return whole or literal(True)

    def _or(self, node: nodes.Or) -> ast.expr:
        sides = _flattened(nodes.Or, node, self)
        for side in sides:
            if isinstance(side, ast.Constant) and side.value is True:
                return side
        return ast.BoolOp(op=ast.Or(), values=sides)

    def _condexpr(self, node: nodes.CondExpr) -> ast.expr:
        other = self.expression(node.expr2) if node.expr2 is not None else literal("")
        return ast.IfExp(
            test=self.expression(node.test), body=self.expression(node.expr1), orelse=other
        )

    def _concat(self, node: nodes.Concat) -> ast.expr:
        return joined([_flat(self.expression(one)) for one in node.nodes])

    def _compare(self, node: nodes.Compare) -> ast.expr:
        if len(node.ops) != 1:
            raise Untranslatable("a comparison of three values")
        operand = node.ops[0]
        words = _words_of(node.expr) or _words_of(operand.expr)
        if words is not None and operand.op not in ("eq", "ne", "in", "notin"):
            raise Untranslatable("names are compared by order")
        sides = [self._side(one, words) for one in (node.expr, operand.expr)]
        if all(map(is_constant, sides)):
            return _compared(operand.op, *map(constant, sides))
        return compare(sides[0], _COMPARISONS[operand.op](), sides[1])

    def _side(self, node: nodes.Node, words: Mapping[str, str] | None) -> ast.expr:
        """Return one side of a comparison; names of distributions are those of os-release(5)."""
        if words is None:
            return self.expression(node)
        match node:
            case nodes.Const(value=str(word)):
                lowered = {known.lower(): one for known, one in words.items()}
                return literal(lowered.get(word.lower(), word.lower()))
            case nodes.List(items=items) | nodes.Tuple(items=items):
                return literal([self._side(one, words) for one in items])
            case nodes.Filter(name="lower", node=inner) if inner is not None:
                return self._side(inner, words)
        if (dotted := _dotted(node)) is not None and (fact := facts.fact_of(dotted)) in facts.WORDS:
            return name(facts.FACTS[str(fact)])
        raise Untranslatable("a name of a system is compared with a variable")

    def _name(self, node: nodes.Name) -> ast.expr:
        word = node.name
        if word == "omit" and self.omitted is not None:
            return self.omitted
        if word in self.scope.names:
            return self.scope.names[word]
        if word in _UNKNOWN:
            raise Untranslatable(f"{word} of Ansible is not known before the run")
        if word == "ansible_check_mode":
            return literal(value=False)
        if word in ("role_name", "ansible_role_name") and self.scope.title:
            return literal(self.scope.title)
        if (fact := facts.fact_of(word)) is not None and word not in self.scope.forbidden:
            return self._fact(fact)
        return name(facts.MAGIC[word]) if word in facts.MAGIC else self.scope.variable(word)

    def _fact(self, fact: str) -> ast.expr:
        if fact in facts.WORDS:
            return ast.Call(func=self.scope.helper(f"ansible_{fact}"), args=[], keywords=[])
        if fact not in facts.FACTS:
            raise Untranslatable(f"there is no fact like ansible_{fact.replace('.', '_')}")
        return name(facts.FACTS[fact])

    def _getattr(self, node: nodes.Getattr) -> ast.expr:
        return self._member(node, node.node, ast.Constant(node.attr))

    def _getitem(self, node: nodes.Getitem) -> ast.expr:
        if isinstance(node.arg, nodes.Slice):
            ends = (node.arg.start, node.arg.stop, node.arg.step)
            made = [self.expression(one) if one else None for one in ends]
            return item(self.expression(node.node), ast.Slice(*made))
        return self._member(node, node.node, self.expression(node.arg))

    def _member(self, node: nodes.Node, of: nodes.Node, key: ast.expr) -> ast.expr:
        dotted = _dotted(node)
        if dotted is not None and (fact := facts.fact_of(dotted)) is not None:
            return self._fact(fact)
        return item(self.expression(of), key)

    def _call(self, node: nodes.Call) -> ast.expr:
        if (
            not isinstance(node.node, nodes.Getattr)
            or node.node.attr not in _METHODS
            or node.kwargs
        ):
            raise Untranslatable("a call of a function of Ansible")
        args = [self.expression(one) for one in node.args]
        called = method(self.expression(node.node.node), node.node.attr, *args)
        if node.node.attr in ("items", "keys", "values"):
            return ast.Call(func=name("list"), args=[called], keywords=[])
        return called

    def _filter(self, node: nodes.Filter) -> ast.expr:
        if node.node is None:
            raise Untranslatable("a filter without a value")
        if node.name in ("default", "d"):
            return self._with_default(node)
        args = [self.expression(one) for one in node.args]
        named = {str(one.key): self.expression(one.value) for one in node.kwargs}
        return filters.translated(self.scope, node.name, self.expression(node.node), args, named)

    def _with_default(self, node: Any) -> ast.expr:
        of = node.node
        try:
            fallback = self.expression(node.args[0]) if node.args else literal("")
        except Untranslatable:
            if not self._always_there(of):
                raise
            return self.expression(of)
        loosely = len(node.args) > 1 or bool(node.kwargs)
        found = self._or_else(of, fallback)
        if not loosely:
            return found
        value = found if isinstance(found, ast.Call) else self.expression(of)
        if isinstance(found, ast.Call) and isinstance(found.func, ast.Attribute):
            value = method(found.func.value, "get", found.args[0])
        return ast.BoolOp(op=ast.Or(), values=[value, fallback])

    def _always_there(self, of: Any) -> bool:
        """Return whether a value has no need of a default."""
        word = _dotted(of) or ""
        fact = facts.fact_of(word)
        known = word in self.scope.names and word not in self.scope.unset
        return known or fact in facts.FACTS or word in facts.MAGIC

    def _or_else(self, of: Any, fallback: ast.expr) -> ast.expr:
        """Return the value of a variable or an attribute, or the fallback if there is none."""
        rest = [] if isinstance(fallback, ast.Constant) and fallback.value is None else [fallback]
        if isinstance(of, nodes.Name):
            known = self.scope.names.get(of.name)
            if known is None and (facts.fact_of(of.name) or of.name in facts.MAGIC):
                return self.expression(of)
            if known is None and of.name not in self.scope.forbidden:
                self.scope.loose.add(of.name)
                return method(name("node.vars"), "get", literal(of.name), *rest)
            if known is not None and of.name in self.scope.unset:
                test = compare(known, ast.IsNot(), literal(None))
                return ast.IfExp(test=test, body=known, orelse=fallback)
            return self.expression(of)
        if isinstance(of, nodes.Getattr) or (
            isinstance(of, nodes.Getitem) and isinstance(of.arg, nodes.Const | nodes.Name)
        ):
            if (fact := facts.fact_of(_dotted(of) or "")) is not None:
                return self._fact(fact)
            key = literal(of.attr) if isinstance(of, nodes.Getattr) else self.expression(of.arg)
            if isinstance(of.node, nodes.Name):
                return method(self.expression(of.node), "get", key, *rest)
            return method(self._or_else(of.node, literal({})), "get", key, *rest)
        if isinstance(of, nodes.Filter) and of.name in ("default", "d"):
            return self._or_else(of.node, self._or_else(of.args[0], fallback))
        return self.expression(of)

    def _test(self, node: nodes.Test) -> ast.expr:
        if node.name in ("defined", "undefined"):
            there = self._defined(node.node)
            return there if node.name == "defined" else negated(there)
        if node.name in ("changed", "failed", "succeeded", "success", "skipped", "change"):
            raise Untranslatable(f"the result of another task: is {node.name}")
        args = [self.expression(one) for one in node.args]
        named = {str(one.key): self.expression(one.value) for one in node.kwargs}
        return filters.tested(self.scope, node.name, self.expression(node.node), args, named)

    def _defined(self, of: Any) -> ast.expr:
        if isinstance(of, nodes.Name):
            if of.name in self.scope.unset:
                return compare(self.scope.names[of.name], ast.IsNot(), literal(None))
            if of.name in self.scope.names or of.name in facts.MAGIC:
                return literal(True)
            if of.name in self.scope.forbidden:
                raise Untranslatable(self.scope.forbidden[of.name])
            if (fact := facts.fact_of(of.name)) is not None:
                return literal(bool(self._fact(fact)))
            return compare(literal(of.name), ast.In(), name("node.vars"))
        if isinstance(of, nodes.Getattr | nodes.Getitem):
            key = literal(of.attr) if isinstance(of, nodes.Getattr) else self.expression(of.arg)
            return compare(key, ast.In(), self._or_else(of.node, literal({})))
        raise Untranslatable("`is defined` of something else than a variable")


def _compared(word: str, left: Any, right: Any) -> ast.expr:
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


def _flat(part: str | ast.expr) -> str | ast.expr:
    """Return a part that is a constant as its text."""
    if isinstance(part, ast.Constant):
        return str(part.value)
    return part


def _flattened(kind: type[nodes.BinExpr], node: Any, by: Translator) -> list[ast.expr]:
    """Return the operands of `a and b and c`, which Jinja nests."""
    if not isinstance(node, kind):
        return [by.expression(node)]
    return [*_flattened(kind, node.left, by), *_flattened(kind, node.right, by)]


def _parsed(source: str) -> nodes.Template:
    try:
        return ENVIRONMENT.parse(source)
    except (jinja2.TemplateError, RecursionError) as error:
        raise Untranslatable(f"Jinja does not parse: {error}") from None


def _dotted(node: Any) -> str | None:
    """Return `a.b` for `a.b` and `a["b"]`; None for everything else."""
    match node:
        case nodes.Name():
            return node.name
        case nodes.Getattr():
            before, last = _dotted(node.node), node.attr
        case nodes.Getitem(arg=nodes.Const(value=str(word))):
            before, last = _dotted(node.node), word
        case _:
            return None
    return f"{before}.{last}" if before is not None else None


def _words_of(node: Any) -> Mapping[str, str] | None:
    """Return the table of words if a side of a comparison is a fact with other names here."""
    if isinstance(node, nodes.Filter) and node.name == "lower":
        node = node.node
    return facts.WORDS.get(facts.fact_of(_dotted(node) or "") or "")
