"""Recipes, attributes and templates of Chef: cases as data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cookbook.convert.chef import erb
from cookbook.convert.convert import convert
from cookbook.convert.expressions import Untranslatable
from tests.convert.test_ansible_tasks import flat
from tests.data import read_yaml

CASES = read_yaml(Path(__file__).with_name("chef_recipes.yml"))


def statements_of(source: str) -> str:
    """Return a recipe below its imports."""
    lines = source.split("\n")
    return "\n".join(lines[max(i for i, x in enumerate(lines) if "import " in x) + 1 :]).strip()


@pytest.mark.parametrize("case", CASES, ids=[case["it"] for case in CASES])
def test_recipes_become_declarations(case: Any, tmp_path: Path) -> None:
    (tmp_path / "book/recipes").mkdir(parents=True)
    (tmp_path / "book/recipes/default.rb").write_text(case["recipe"])
    _, report = convert(tmp_path / "book", tmp_path / "out")
    source = (tmp_path / "out/default.py").read_text()
    if "becomes" in case:
        assert statements_of(source) == case["becomes"].strip()
        assert report.total.with_todo == 0
    else:
        assert case["todo"] in flat(source)
        assert report.total.with_todo > 0
    compile(source, "recipe.py", "exec")


@pytest.mark.parametrize(
    ("source", "becomes"),
    [
        ("port <%= @port %>\n", "port {{ port }}\n"),
        (
            "<% if @tls -%>\ntls\n<% end -%>\n",
            "{% if tls is not none and tls is not false %}\ntls\n{% endif %}\n",
        ),
        (
            "<% @all.each do |one| %>\n<%= one %>\n<% end %>\n",
            "{% for one in all %}\n{{ one }}\n{% endfor %}\n",
        ),
        ("<%= node['app']['port'] %>\n", "{{ attributes['app']['port'] }}\n"),
        ("a<% if @b == 1 %>c<% end %>\n", "a{%+ if b == 1 +%}c{%+ endif +%}\n"),
        ("{{ x }}\n", "{{ '{{' }} x }}\n"),
    ],
)
def test_templates_that_show_choose_and_repeat(source: str, becomes: str) -> None:
    assert erb.translated(source, {("app", "port"): 80}).text == becomes


@pytest.mark.parametrize("source", ["<% x = 1 %>\n", "<%= system('ls') %>\n", "<% if @a %>\n"])
def test_templates_that_do_more(source: str) -> None:
    with pytest.raises(Untranslatable):
        erb.translated(source, {})
