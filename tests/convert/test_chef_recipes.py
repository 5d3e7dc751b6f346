"""Recipes, attributes and templates of Chef: cases as data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2
import pytest

from cookbook.convert.chef import erb
from cookbook.convert.chef.words import NIL
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
        ("all = <%= @all.join(', ') %>\n", "all = {{ (all|join(', ')) }}\n"),
        ("a = <%= @a -%>\n\n  b\n", "a = {{ a }}\n  b\n"),
        (
            "<%= @a -%>\n  <% if @b == 1 -%>\nb\n<% end -%>\n",
            "{{ a }}{% if b == 1 %}\nb\n{% endif %}\n",
        ),
        ("a <%# why %>\n  <%# alone %>\nb\n", "a {#+ why +#}\n  {# alone #}\nb\n"),
    ],
)
def test_templates_that_show_choose_and_repeat(source: str, becomes: str) -> None:
    assert erb.translated(source, {("app", "port"): 80}).text == becomes


@pytest.mark.parametrize("source", ["<% x = 1 %>\n", "<%= system('ls') %>\n", "<% if @a %>\n"])
def test_templates_that_do_more(source: str) -> None:
    with pytest.raises(Untranslatable):
        erb.translated(source, {})


def _rendered(source: str, variables: dict[str, Any], **values: Any) -> str:
    """Return what a template shows, in the settings that cook has for Jinja2."""
    known: dict[tuple[str, ...], Any] = {
        ("a", "flag"): True,
        ("a", "none"): NIL,
        ("a", "list"): ["x"],
        ("a", "other"): None,
    }
    made = erb.translated(source, known, variables).text
    environment = jinja2.Environment(  # noqa: S701 - it is no HTML
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    return environment.from_string(made).render(values)


def test_values_in_templates_are_written_as_ruby_writes_them() -> None:
    source = (
        "<%= node['a']['flag'] %>,<%= node['a']['none'] %>,<%= node['a']['other'] %>"
        ",<%= @given %>,<%= node['a']['flag'].to_s %>,<%= \"#{@given}\" %>\n"
    )
    values = {"flag": True, "none": None, "other": "x"}
    shown = _rendered(source, {"@given": False}, attributes={"a": values}, given=False)
    assert shown == "true,,x,false,true,false\n"
    values = {"flag": "Yes", "none": False, "other": "x"}
    shown = _rendered(source, {"@given": False}, attributes={"a": values}, given=8)
    assert shown == "Yes,false,x,8,Yes,8\n"
    with pytest.raises(Untranslatable, match="a list or a hash as a text"):
        _rendered("<%= node['a']['list'] %>\n", {})


def test_lines_of_templates_stay_as_erubis_makes_them() -> None:
    source = (
        "a\n  <%# alone %>\nb <%# why %>\n<%= @x -%>\n  c\n  <% if @x == 1 %>\nd\n  <% end %>\n"
    )
    assert _rendered(source, {}, x=1) == "a\nb \n1  c\nd\n"


def test_texts_of_recipes_are_written_as_ruby_writes_them(tmp_path: Path) -> None:
    (tmp_path / "book/recipes").mkdir(parents=True)
    (tmp_path / "book/attributes").mkdir()
    (tmp_path / "book/attributes/default.rb").write_text(
        "default['app']['debug'] = true\ndefault['app']['home'] = nil\n"
        "default['app']['port'] = 80\n"
    )
    (tmp_path / "book/recipes/default.rb").write_text(
        "file '/etc/app' do\n"
        "  content \"#{node['app']['debug']} #{node['app']['home']} #{node['app']['port']}\"\n"
        "end\n"
    )
    convert(tmp_path / "book", tmp_path / "out")
    source = (tmp_path / "out/default.py").read_text()
    assert (
        "content=f\"{as_text(attribute('app', 'debug'))} {as_text(attribute('app', 'home'))}"
        " {attribute('app', 'port')}\"" in source
    )
    assert "from attributes import as_text, attribute\n" in source
    written = (tmp_path / "out/attributes.py").read_text()
    names: dict[str, Any] = {}
    exec(written[written.index("def as_text") :].partition("\n\n\n")[0], names)  # noqa: S102
    assert [names["as_text"](one) for one in (None, True, False, 8, "No")] == [
        "",
        "true",
        "false",
        "8",
        "No",
    ]


def test_a_recipe_with_the_name_of_a_function_or_of_a_type_hides_none(tmp_path: Path) -> None:
    (tmp_path / "book/recipes").mkdir(parents=True)
    (tmp_path / "book/recipes/default.rb").write_text("package 'jq'\n")
    (tmp_path / "book/recipes/user.rb").write_text("user 'bob'\n")
    (tmp_path / "book/recipes/all.rb").write_text(
        "include_recipe 'book::default'\ninclude_recipe 'book::user'\n"
        "node.default['a']['b'] = 1\nuser 'ann'\n"
    )
    convert(tmp_path / "book", tmp_path / "out")
    source = (tmp_path / "out/all.py").read_text()
    assert "import default as default_recipe  # noqa" in source
    assert "import user as user_recipe  # noqa" in source
    assert 'default("a", "b", value=1)' in source
