"""Sources that are written to harm who converts them: code in titles, paths and links outside."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from cookbook.convert.convert import convert

BREAKOUT = 'x"""\nimport os  # ran\nos.abort()\n"""\\'


def write(root: Path, files: dict[str, str]) -> Path:
    """Write a source; return its folder."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def statements(source: str) -> list[str]:
    """Return the kinds of the statements of a module, those in functions included."""
    return [type(node).__name__ for node in ast.walk(ast.parse(source))]


def quoted(text: str) -> str:
    """Return a text as YAML with double quotes."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


@pytest.mark.parametrize(
    "play",
    [
        f"- name: {quoted(BREAKOUT)}\n  hosts: web\n",
        f"- hosts: {quoted(BREAKOUT)}\n",
        '- name: "a\\u2028b\\rimport os\\0"\n  hosts: web\n',
    ],
)
def test_no_title_of_a_play_is_code(tmp_path: Path, play: str) -> None:
    (tmp_path / "web.yml").write_text(play)
    convert(tmp_path / "web.yml", tmp_path / "out")
    source = (tmp_path / "out/web.py").read_text()
    assert statements(source) == ["Module", "Expr", "Constant"]


def test_no_name_of_a_file_of_tasks_is_code(tmp_path: Path) -> None:
    name = 'x""";exit();"""'
    tasks = "- package: {name: a}\n- package: {name: b}\n"
    main_yml = f"- include_tasks: {{file: {quoted(name)}}}\n"
    write(tmp_path / "web/tasks", {"main.yml": main_yml, f"{name}.yml": tasks})
    convert(tmp_path / "web", tmp_path / "out")
    source = (tmp_path / "out/web.py").read_text()
    assert 'package("b")' in source
    names = [node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)]
    assert "exit" not in names


def test_no_text_in_a_comment_is_code(tmp_path: Path) -> None:
    tasks = '- debug: {msg: "a\\0b\\rimport os\\u2028c"}\n'
    write(tmp_path / "web", {"tasks/main.yml": tasks})
    convert(tmp_path / "web", tmp_path / "out")
    source = (tmp_path / "out/web.py").read_text()
    assert statements(source) == ["Module", "Expr", "Constant"]
    assert "# tasks/main.yml:1: debug: a b import os c, which changes nothing" in source


def test_no_default_ends_its_comment_in_hosts_yml(tmp_path: Path) -> None:
    value = '"a\\u2028hosts:\\x85  evil: {}"'
    tasks = "- package: {name: x}\n"
    write(tmp_path / "web", {"tasks/main.yml": tasks, "defaults/main.yml": f"a: {value}\n"})
    convert(tmp_path / "web", tmp_path / "out")
    lines = (tmp_path / "out/hosts.yml").read_text().splitlines()
    assert [line for line in lines if "evil" in line and "#" not in line] == []
