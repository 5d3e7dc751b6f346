"""Expressions of Jinja's syntax trees, translated to Python."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from jinja2 import nodes

from cookbook.convert.ansible import facts, filters
from cookbook.convert.ansible.jinja_syntax import compared, dotted, flat, words_of
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


class JinjaExpressions:
    """Translates nodes of one place, with the names that are known there."""

    def __init__(self, scope: NameScope, omitted: ast.expr | None = None) -> None:
        self.scope = scope
        self.omitted = omitted
        """The value that stands for `omit`; None where it cannot be left out."""

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
        return joined([flat(self.expression(one)) for one in node.nodes])

    def _compare(self, node: nodes.Compare) -> ast.expr:
        if len(node.ops) != 1:
            raise Untranslatable("a comparison of three values")
        operand = node.ops[0]
        words = words_of(node.expr) or words_of(operand.expr)
        if words is not None and operand.op not in ("eq", "ne", "in", "notin"):
            raise Untranslatable("names are compared by order")
        sides = [self._side(one, words) for one in (node.expr, operand.expr)]
        if all(map(is_constant, sides)):
            return compared(operand.op, *map(constant, sides))
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
        if (path := dotted(node)) is not None and (fact := facts.fact_of(path)) in facts.WORDS:
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
            word = f"ansible_{fact}"
            helper = self.scope.helper(word, facts.HELPERS[word])
            return ast.Call(func=helper, args=[], keywords=[])
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
        path = dotted(node)
        if path is not None and (fact := facts.fact_of(path)) is not None:
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
        word = dotted(of) or ""
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
            if (fact := facts.fact_of(dotted(of) or "")) is not None:
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


def _flattened(kind: type[nodes.BinExpr], node: Any, by: JinjaExpressions) -> list[ast.expr]:
    """Return the operands of `a and b and c`, which Jinja nests."""
    if not isinstance(node, kind):
        return [by.expression(node)]
    return [*_flattened(kind, node.left, by), *_flattened(kind, node.right, by)]
