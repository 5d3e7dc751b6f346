"""Literals of Ruby: numbers, symbols, texts, arrays and hashes."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cookbook.convert.chef.ruby import Tree, named
from cookbook.convert.expressions import Untranslatable, constant, is_constant, joined, literal
from cookbook.convert.scope import NameScope


@dataclass
class RubyLiterals:
    """Translates the literals of one file."""

    tree: Tree
    scope: NameScope

    def value(self, node: Any) -> ast.expr:
        """Return the expression of a node; raises Untranslatable."""
        translate = getattr(self, f"_{node.type}", None)
        if translate is None:
            raise Untranslatable(f"Ruby: {self.tree.text(node)[:60]}")
        made: ast.expr = translate(node)
        return made

    def shown(self, node: Any) -> ast.expr:
        """Return the expression of a node inside of a text."""
        return self.value(node)

    def _integer(self, node: Any) -> ast.expr:
        text = self.tree.text(node).replace("_", "")
        if text.startswith("0") and text[1:].isdigit():
            return literal(f"0{text.lstrip('0o').zfill(3)}" if len(text) > 1 else 0)
        return literal(int(text, 0))

    def _float(self, node: Any) -> ast.expr:
        return literal(float(self.tree.text(node)))

    def _true(self, _node: Any) -> ast.expr:
        return literal(True)

    def _false(self, _node: Any) -> ast.expr:
        return literal(False)

    def _nil(self, _node: Any) -> ast.expr:
        return literal(None)

    def _simple_symbol(self, node: Any) -> ast.expr:
        return literal(self.tree.text(node)[1:].strip("\"'"))

    def _hash_key_symbol(self, node: Any) -> ast.expr:
        return literal(self.tree.text(node))

    def _bare_string(self, node: Any) -> ast.expr:
        return self._parts(named(node), raw=True)

    _bare_symbol = _bare_string

    def _string(self, node: Any) -> ast.expr:
        return self._parts(named(node), raw=self.tree.text(node)[:1] == "'")

    def _chained_string(self, node: Any) -> ast.expr:
        return joined([part(self.value(one)) for one in named(node)])

    def _parts(self, nodes: Sequence[Any], *, raw: bool) -> ast.expr:
        parts: list[str | ast.expr] = []
        for one in nodes:
            if one.type == "interpolation":
                inner = named(one)
                if len(inner) != 1:
                    raise Untranslatable("an interpolation of several expressions")
                parts.append(part(self.shown(inner[0])))
            elif one.type == "escape_sequence":
                parts.append(_escape(self.tree.text(one), raw=raw))
            else:
                parts.append(self.tree.text(one))
        return joined(parts)

    def _heredoc_beginning(self, node: Any) -> ast.expr:
        body = self._body_of(node)
        begin = self.tree.text(node)
        content = [one for one in named(body) if one.type != "heredoc_end"]
        if "~" in begin and any(one.type == "interpolation" for one in content):
            raise Untranslatable("a heredoc <<~ with interpolation")
        made = self._parts(content, raw="'" in begin)
        if not is_constant(made):
            return made
        text = str(constant(made)).removeprefix("\n")
        if "~" in begin:
            text = textwrap.dedent(text)
        return literal(text)

    def _body_of(self, node: Any) -> Any:
        """Return the body of a heredoc: the first one below its beginning."""
        found: list[Any] = []

        def search(one: Any) -> None:
            if one.type == "heredoc_body" and one.start_byte > node.start_byte:
                found.append(one)
            for child in one.children:
                search(child)

        search(self.tree.root)
        if not found:
            raise Untranslatable("a heredoc without a body")
        return min(found, key=lambda one: one.start_byte)

    def _array(self, node: Any) -> ast.expr:
        return literal([self.value(one) for one in named(node)])

    _string_array = _array
    _symbol_array = _array

    def _hash(self, node: Any) -> ast.expr:
        return self.pairs(named(node))

    def pairs(self, nodes: Sequence[Any]) -> ast.Dict:
        """Return the mapping of pairs; raises Untranslatable."""
        keys: list[ast.expr | None] = []
        values: list[ast.expr] = []
        for one in nodes:
            if one.type != "pair":
                raise Untranslatable("a hash that is put together")
            keys.append(self.value(one.child_by_field_name("key")))
            values.append(self.value(one.child_by_field_name("value")))
        return ast.Dict(keys=keys, values=values)


def part(one: ast.expr) -> str | ast.expr:
    """Return a part of a text that is put together: a constant as its text."""
    if isinstance(one, ast.Constant) and one.value is not None:
        return str(one.value)
    return one


def _escape(source: str, *, raw: bool) -> str:
    if raw:
        return source[1:] if source in ("\\\\", "\\'") else source
    known = {"\\n": "\n", "\\t": "\t", "\\s": " ", "\\r": "\r", "\\e": "\x1b", "\\0": "\0"}
    return known.get(source, source[1:])
