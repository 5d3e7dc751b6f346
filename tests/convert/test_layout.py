"""The lines of what is written: at most 100 columns, and `ruff format` leaves them as they are."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from cookbook.convert.layout import WIDTH, lines

_TABLE = (
    '{"debian": "/etc/apache2/sites-enabled", "rhel": "/etc/httpd/conf.d",'
    ' "suse": "/etc/apache2/vhosts.d"}'
)
_KEY = "node.facts.family"
_CHOICE = (
    '"a" if int(node.facts.version) >= 100000 else "b" if int(node.facts.version) < 8 else "d"'
)
_LONG = f'"/etc/apache2/sites-enabled" if {"a" * 40} else {"b" * 40}'

SOURCES = [
    f"{_TABLE}.get({_KEY})",
    f'{_TABLE}.get({_KEY}, "/etc/apache2/sites")',
    f"{_TABLE}[{_KEY}]",
    f"{_TABLE}.get({_KEY}, {_LONG})",
    f'{_TABLE}.get({_KEY}, "/etc/apache2/sites").items()',
    f'{_TABLE}.get({_KEY}, "/etc/apache2/sites")[0]',
    f"{_TABLE}.get({_KEY}, {{}}).get({'a' * 60}, 1)",
    f'{{"centos": {_CHOICE}}}.get(node.facts.distribution, "d")',
    f'{{"a": 1}}.get({"a" * 50}, {"b" * 50})',
    f'package({_TABLE}.get({_KEY}, "apache2"), action="install")',
    f'not {_TABLE}.get({_KEY}, "x")',
    f'{_TABLE}.get({_KEY}, "x") == "y"',
    f'"y" not in {_TABLE}.get({_KEY}, "x")',
    f'[one for one in {_TABLE}.get({_KEY}, "/etc/apache2/sites") if one]',
    f'attribute("{"a" * 50}", "{"b" * 50}").get("c")',
    f'(attribute("a", "b") or {{}}).get("{"a" * 50}", "rhel" + "{"b" * 50}")',
]


@pytest.mark.parametrize("before", ["made = ", "for one in "])
def test_long_lines_are_broken_as_ruff_breaks_them(tmp_path: Path, before: str) -> None:
    after = ":" if before.startswith("for") else ""
    made: list[str] = []
    for source in SOURCES:
        expression = ast.parse(source, mode="eval").body
        made += lines(expression, 0, before, after) + (["    pass"] if after else [])
    assert max(map(len, made)) <= WIDTH
    given = "".join(f"{line}\n" for line in made)
    tree = ast.parse(given)
    found = [one.iter if isinstance(one, ast.For) else one for one in tree.body]
    values = [one.value if isinstance(one, ast.Assign) else one for one in found]
    assert [*map(ast.unparse, values)] == [
        ast.unparse(ast.parse(one, mode="eval")) for one in SOURCES
    ]
    path = tmp_path / "made.py"
    path.write_text(given)
    words = ("-m", "ruff", "format", "--isolated", "--line-length", str(WIDTH), "--diff")
    done = subprocess.run(
        [sys.executable, *words, str(path)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_a_comparison_of_what_is_in_parentheses_stays_on_its_line() -> None:
    source = f'("{"a" * 50}" if {"b" * 50} else None) == (c or d)'
    assert lines(ast.parse(source, mode="eval").body, 0) == [source]
