"""Templates of ERB as templates of Jinja, as far as they only show, choose and repeat."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from cookbook.convert.chef.expressions import Expressions
from cookbook.convert.chef.ruby import Tree, named
from cookbook.convert.chef.words import Path
from cookbook.convert.expressions import Untranslatable, item, literal, method, name
from cookbook.convert.scope import NameScope

_TAG = re.compile(r"<%(?P<kind>[=#%-]?)(?P<code>.*?)(?P<trim>-?)%>", re.DOTALL)
_AS_TEXT = (
    "{% macro as_text(x) %}"
    "{{ x | string | lower if x is boolean else '' if x is none else x }}"
    "{% endmacro %}\n"
)
"""The macro that writes a value as Ruby does."""

_LINE_END = re.compile(r"[ \t]*\r?\n")
_EACH = re.compile(
    r"(?P<over>.+?)\.(?P<how>each|each_pair|sort\.each|each_with_index)\s*(?:do|\{)"
    r"\s*\|\s*\(?(?P<names>[\w\s,]+?)\)?\s*\|",
    re.DOTALL,
)


@dataclass
class JinjaTemplate:
    """A template that was translated."""

    text: str
    variables: set[str] = field(default_factory=set)
    """The instance variables that it reads, without `@`."""

    attributes: bool = False
    """True if it reads attributes of the node."""


class _Reader:
    """Translates one template."""

    def __init__(self, known: Mapping[Path, Any], given: Mapping[str, Any]) -> None:
        self.known = known
        self.given = given
        self.scope = NameScope()
        self.variables: set[str] = set()
        self.attributes = False
        self.ends: list[str] = []

    def read(self, path: Path) -> ast.expr:
        """Return how an attribute is read in a template."""
        self.attributes = True
        made = name("attributes")
        if path in self.known:
            for key in path:
                made = item(made, literal(key))
            return made
        for key in path[:-1]:
            made = method(made, "get", literal(key), ast.Dict(keys=[], values=[]))
        return method(made, "get", literal(path[-1]))

    def expression(self, code: str, how: Literal["value", "shown", "condition"] = "value") -> str:
        """Return an expression in Jinja; raises Untranslatable."""
        tree = Tree(code.strip().encode("utf-8", "surrogateescape"), "template")
        inner = named(tree.root)
        if tree.root.has_error or len(inner) != 1:
            raise Untranslatable(f"in the template: {code.strip()[:60]}")
        for word in re.findall(r"@(\w+)", code):
            self.variables.add(word)
            self.scope.names[f"@{word}"] = name(word)
        by = Expressions(tree, self.scope, self.known, self.read, given=self.given)
        return jinja(getattr(by, how)(inner[0]))

    def statement(self, code: str) -> str:
        """Return the inside of a block tag; raises Untranslatable."""
        code = " ".join(code.split())
        word, _, rest = code.partition(" ")
        rest = re.sub(r"\s*\bthen$", "", rest)
        if word in ("if", "unless"):
            self.ends.append("endif")
            test = self.expression(rest, "condition")
            return f"if {test}" if word == "if" else f"if not ({test})"
        if word in ("elsif", "elif"):
            return f"elif {self.expression(rest, 'condition')}"
        if code == "else":
            return "else"
        if code in ("end", "}"):
            if not self.ends:
                raise Untranslatable("in the template: an end without a beginning")
            return self.ends.pop()
        found = _EACH.fullmatch(code)
        if found is None:
            raise Untranslatable(f"in the template: {code[:60]}")
        return self._loop(found)

    def _loop(self, found: re.Match[str]) -> str:
        words = [word.strip() for word in found["names"].split(",")]
        over = self.expression(found["over"])
        self.scope.names.update({word: name(word) for word in words})
        self.ends.append("endfor")
        if found["how"] == "each_with_index" or len(words) > 2:
            raise Untranslatable("in the template: a loop with an index")
        if len(words) == 2:
            items = f"({over}).items()"
            return f"for {', '.join(words)} in {items}" + (
                "|sort" if found["how"].startswith("sort") else ""
            )
        return f"for {words[0]} in {over}" + ("|sort" if found["how"].startswith("sort") else "")


def translated(
    source: str, known: Mapping[Path, Any], given: Mapping[str, Any] | None = None
) -> JinjaTemplate:
    """
    Return a template of ERB in Jinja.

    `given` are the known values of its variables, by their names with `@`. Erubis cuts the line
    of a tag that stands alone, as cook does; a tag beside text keeps it, and `<%= x -%>` takes
    the line break. Raises Untranslatable.
    """
    reader = _Reader(known, given or {})
    text = "".join(_pieces(source, reader))
    if reader.ends:
        raise Untranslatable("in the template: a block without an end")
    if "as_text(" in text:
        text = _AS_TEXT + text
    return JinjaTemplate(text, reader.variables, reader.attributes)


def _pieces(source: str, reader: _Reader) -> Iterator[str]:
    at, joins = 0, False
    for found in _TAG.finditer(source):
        before = source[at : found.start()]
        at = found.end()
        kind, code, alone = found["kind"], found["code"], _alone(source, found)
        yield "" if joins and alone and not before.strip(" \t") else _plain(before)
        joins = False
        if kind == "#":
            yield f"{{#{code}#}}" if alone else f"{{#+{code}+#}}"
        elif kind == "=":
            yield f"{{{{ {reader.expression(code, 'shown')} }}}}"
            if found["trim"] and (ends := _LINE_END.match(source, at)):
                at, joins = ends.end(), True
        elif kind == "%":
            raise Untranslatable("in the template: <%%")
        else:
            inner = reader.statement(code)
            yield f"{{% {inner} %}}" if alone else f"{{%+ {inner} +%}}"
    yield _plain(source[at:])


def _alone(source: str, found: re.Match[str]) -> bool:
    """Return whether a tag is the only thing on its lines."""
    before = source[source.rfind("\n", 0, found.start()) + 1 : found.start()]
    end = source.find("\n", found.end())
    after = source[found.end() : end if end != -1 else len(source)]
    return not before.strip() and not after.strip()


def _plain(text: str) -> str:
    return re.sub(r"\{\{|\{%|\{#", lambda found: "{{ '" + found[0] + "' }}", text)


def jinja(expression: ast.expr) -> str:
    """Return an expression of Python in the words of Jinja; raises Untranslatable."""
    made = _Words().visit(expression)
    for node in ast.walk(made):
        if isinstance(node, ast.ListComp | ast.JoinedStr | ast.Starred | ast.Slice):
            raise Untranslatable("in the template: an expression that Jinja does not have")
    return ast.unparse(made).replace("__is_set__", "is_set")


class _Words(ast.NodeTransformer):
    """Changes what Jinja writes in another way."""

    def visit_Call(self, node: ast.Call) -> ast.expr:
        match node:
            case ast.Call(
                func=ast.Attribute(value=sign, attr="join"),
                args=[ast.Call(func=ast.Name(id="map"), args=[_, values])],
            ):
                listed, between = (ast.unparse(self.visit(one)) for one in (values, sign))
                return ast.Name(f"({listed}|join({between}))", ast.Load())
        self.generic_visit(node)
        if isinstance(node.func, ast.Name):
            word = node.func.id
            filters = {
                "len": "length",
                "str": "string",
                "int": "int",
                "float": "float",
                "list": "list",
                "sorted": "sort",
                "bool": "length",
            }
            if word == "is_set":
                of = node.args[0]
                return ast.BoolOp(
                    op=ast.And(),
                    values=[
                        ast.Compare(left=of, ops=[ast.IsNot()], comparators=[name("none")]),
                        ast.Compare(left=of, ops=[ast.IsNot()], comparators=[name("false")]),
                    ],
                )
            if word == "as_text":
                return node
            if word in filters and word != "bool":
                shown = ast.unparse(node.args[0])
                return ast.Name(f"(({shown})|{filters[word]})", ast.Load())
            raise Untranslatable(f"in the template: {word}")
        return node

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.ops[0], ast.Is | ast.IsNot) and isinstance(
            node.comparators[0], ast.Constant
        ):
            word = str(node.comparators[0].value).lower()
            return ast.Compare(left=node.left, ops=node.ops, comparators=[name(word)])
        return node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.expr:
        self.generic_visit(node)
        parts = [
            repr(one.value) if isinstance(one, ast.Constant) else f"({ast.unparse(one.value)})"
            for one in node.values
            if isinstance(one, ast.Constant | ast.FormattedValue)
        ]
        return ast.Name("(" + " ~ ".join(parts) + ")", ast.Load())
