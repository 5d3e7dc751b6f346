"""`cook convert`: the folder, the report, bad input."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from cookbook.cli import main
from cookbook.convert.project import module_name
from cookbook.testing import compiled

TASKS = """\
- name: nginx
  apt: {name: nginx}
- name: site
  template: {src: site.conf.j2, dest: /etc/nginx/conf.d/site.conf, mode: "0644"}
  notify: reload nginx
- name: odd
  community.general.jira: {uri: x}
"""
TEMPLATE = """\
# {{ ansible_managed }}
{% for port in ports %}
  {% if port %}
listen {{ port }};
  {% endif %}
{% endfor %}
"""


@pytest.fixture
def role(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, text in {
        "tasks/main.yml": TASKS,
        "defaults/main.yml": "ports: [80]\nunused: x\n",
        "handlers/main.yml": "- name: reload nginx\n  service: {name: nginx, state: reloaded}\n",
        "templates/site.conf.j2": TEMPLATE,
        "files/a.txt": "a\n",
    }.items():
        path = tmp_path / "web" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "web"


@pytest.mark.usefixtures("role")
def test_a_role_becomes_a_folder_that_compiles(capsys: Any) -> None:
    assert main(["convert", "web", "-o", "out"]) == 0
    said = capsys.readouterr().out
    assert "tasks/main.yml                3           2          1    67%" in said
    assert "1 TODO comment in what was written." in said
    plan = compiled("out/web.py", hosts="out/hosts.yml", name="localhost")
    site = plan["template[/etc/nginx/conf.d/site.conf]"]
    assert site.content == "# Managed by cook\n  listen 80;\n  "
    assert (Path("out/files/a.txt")).read_text() == "a\n"
    assert "#   unused: x" in Path("out/hosts.yml").read_text()


@pytest.mark.usefixtures("role")
def test_the_report_as_json(capsys: Any) -> None:
    assert main(["convert", "web", "-o", "out", "--output", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["declarations"] == {
        "total": 4,
        "translated": 3,
        "with_todo": 1,
        "share": 0.75,
    }
    [todo] = document["todos"]
    assert (todo["file"], todo["line"]) == ("tasks/main.yml", 6)
    assert todo["why"] == "no resource type does what jira does"
    assert "web.py" in document["written"]


@pytest.mark.usefixtures("role")
def test_nothing_is_written_over(capsys: Any) -> None:
    Path("out").mkdir()
    Path("out/mine").write_text("")
    assert main(["convert", "web", "-o", "out"]) == 1
    assert "out exists already" in capsys.readouterr().err
    assert [path.name for path in Path("out").iterdir()] == ["mine"]


def test_a_playbook_becomes_a_recipe_for_each_play(role: Path) -> None:
    Path("roles").mkdir()
    role.rename("roles/web")
    Path("site.yml").write_text(
        "- hosts: web\n  vars: {editor: vim}\n  roles: [web]\n"
        "  tasks:\n    - package: {name: '{{ editor }}'}\n"
    )
    assert main(["convert", "site.yml", "-o", "out"]) == 0
    plan = compiled("out/site_recipe.py")
    assert plan.identities == [
        "package[nginx]",
        "template[/etc/nginx/conf.d/site.conf]",
        "service[nginx]",
        "package[package]",
    ]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("tasks/main.yml", "- apt: {name: [}\n", "tasks/main.yml:1: "),
        ("defaults/main.yml", "a: 1\nb: c: d\n", "defaults/main.yml:2: mapping values"),
    ],
)
def test_broken_yaml(role: Path, capsys: Any, name: str, content: str, says: str) -> None:
    (role / name).write_text(content)
    assert main(["convert", "web", "-o", "out"]) == 1
    assert says in capsys.readouterr().err


@pytest.mark.usefixtures("role")
def test_what_is_no_role(capsys: Any) -> None:
    Path("empty").mkdir()
    assert main(["convert", "empty"]) == 1
    assert "empty: this is no role (tasks/main.yml)" in capsys.readouterr().err
    assert main(["convert", "gone"]) == 1
    assert "gone: there is no such file or folder" in capsys.readouterr().err


def test_broken_ruby(tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "book/recipes").mkdir(parents=True)
    (tmp_path / "book/recipes/default.rb").write_text("package 'a'\npackage 'b' do\n")
    assert main(["convert", str(tmp_path / "book"), "-o", str(tmp_path / "out")]) == 1
    assert "recipes/default.rb:2: this is no Ruby" in capsys.readouterr().err


def test_a_parser_that_is_not_installed(
    tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cookbook.convert.chef import ruby

    (tmp_path / "book/recipes").mkdir(parents=True)
    (tmp_path / "book/recipes/default.rb").write_text("package 'a'\n")
    ruby._parser.cache_clear()
    monkeypatch.setitem(sys.modules, "tree_sitter", None)
    assert main(["convert", str(tmp_path / "book"), "-o", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().err
    assert "its parser is not installed: tree_sitter" in said
    assert "pip install 'cook-converge[convert]'" in said


@pytest.mark.parametrize(
    ("name", "module"),
    [("class", "class_recipe"), ("ansible-role-json", "json_recipe"), ("9-a", "_9_a")],
)
def test_recipes_have_names_that_python_can_import(name: str, module: str) -> None:
    assert module_name(name) == module
