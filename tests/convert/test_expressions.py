"""The text of expressions: the same on each Python, and Python 3.11 can read it."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from datetime import time
from typing import Any

import pytest

from cookbook.convert.expressions import item, joined, literal, method, name, text


def value_of(source: str, names: Mapping[str, Any]) -> Any:
    """Return the value of an expression of this file."""
    return eval(source, dict(names))  # noqa: S307 - the subject is what Python makes of it


X = item(name("node.vars"), literal("x"))


@pytest.mark.parametrize(
    ("parts", "becomes"),
    [
        (["/srv/", name("one")], 'f"/srv/{one}"'),
        ([X, "/log"], "f\"{node.vars['x']}/log\""),
        (["it's ", name("one")], 'f"it\'s {one}"'),
        (['say "', name("one"), '"'], "f'say \"{one}\"'"),
        (['say "', X, '"'], "f'''say \"{node.vars['x']}\"'''"),
        (["a\\b\t{}", name("one"), "\n"], 'f"a\\\\b\\t{{}}{one}\\n"'),
        (
            [method(name("sh"), "quote", joined(["/opt/", X])), ""],
            'f"""{sh.quote(f"/opt/{node.vars[\'x\']}")}"""',
        ),
        ([literal({"a": 1}), "b"], "f\"{ {'a': 1}}b\""),
        (["a", method(X, "split", literal("\n"))], '"a" + str(node.vars["x"].split("\\n"))'),
        (["a", method(X, "split", literal("#"))], '"a" + str(node.vars["x"].split("#"))'),
    ],
)
def test_texts_that_are_put_together(parts: list[str | ast.expr], becomes: str) -> None:
    made = text(joined(parts))
    assert made == becomes
    values = {"node": _Node, "one": 1, "sh": _Shell}
    expected = "".join(
        part if isinstance(part, str) else str(value_of(text(part), values)) for part in parts
    )
    assert value_of(made, values) == expected


class _Node:
    vars = {"x": "a#b\nc"}  # noqa: RUF012 - nothing changes it


class _Shell:
    @staticmethod
    def quote(word: str) -> str:
        return f"<{word}>"


@pytest.mark.parametrize("source", ["f'{a!r:>{b}}'", "f'{a:%H:%M}'", "(f'a{b}').strip()"])
def test_an_f_string_of_a_template_keeps_its_meaning(source: str) -> None:
    values = {"a": time(1, 2), "b": 30}
    tree = ast.parse(source, mode="eval").body
    assert value_of(text(tree), values) == value_of(source, values)


def test_what_no_f_string_of_3_11_can_hold_is_added() -> None:
    """A template of the conversion was filled with an expression that has a backslash."""
    tree = ast.parse("f'{a!r}-{b:>9}'.upper()", mode="eval").body
    replaced = ast.parse("c['\\n']", mode="eval").body
    for node in ast.walk(tree):
        if isinstance(node, ast.FormattedValue) and node.format_spec is None:
            node.value = replaced
    made = text(tree)
    assert made == '(str(repr(c["\\n"])) + "-" + str(format(b, f">9"))).upper()'
    assert value_of(made, {"b": "x", "c": {"\n": "y"}}) == "'Y'-        X"
