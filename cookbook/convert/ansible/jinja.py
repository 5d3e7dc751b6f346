"""Values of YAML with expressions of Jinja, as Ansible uses them, translated to Python."""

from __future__ import annotations

import ast
from typing import Any

from jinja2 import nodes

from cookbook.convert.ansible.jinja_expressions import JinjaExpressions
from cookbook.convert.ansible.jinja_syntax import flat, parsed
from cookbook.convert.ansible.reader import Unsafe, Vaulted
from cookbook.convert.expressions import Untranslatable, every, joined, literal


class Translator(JinjaExpressions):
    """Translates the values of one place, with the names that are known there."""

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
        body = parsed(source).body
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
        return joined([flat(part) for part in parts])

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
        body = parsed(f"{{{{ {source} }}}}").body
        if len(body) != 1 or not isinstance(body[0], nodes.Output) or len(body[0].nodes) != 1:
            raise Untranslatable("not one expression")
        return self.expression(body[0].nodes[0])
