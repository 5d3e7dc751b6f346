"""The pages for those who come from Ansible or Chef, and the hints that are made of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from cookbook.cli import main
from cookbook.language.recipe_hints import counterpart, counterparts
from cookbook.plugins.registry import registered

WORDS = {
    *(
        "node",
        "attempt",
        "parallel",
        "delayed",
        "lazy",
        "import",
        "for",
        "if",
        "def",
        "secret",
        "tags",
        "only_if",
        "subscribes",
    ),
    "--forks",
}
"""What is no resource type: words of recipes, of Python, and of the command line."""


def test_each_name_in_cook_exists() -> None:
    named = {one.name for one in counterparts().values()}
    assert named - WORDS - registered().keys() == set()
    assert len(counterparts()) > 100


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("lineinfile", "cook has 'line': `line("),
        ("ansible.builtin.copy", "cook has 'file'"),
        ("ansible.posix.sysctl", "ansible.posix.sysctl is there as well"),
        ("ruby_block", "cook has 'def': a function of Python"),
    ],
)
def test_a_name_of_another_tool_is_explained(
    name: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", name]) == 0
    assert capsys.readouterr().out.startswith(says)


def test_an_unknown_name_has_the_nearest_one_as_a_hint(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["explain", "lineinfil"]) == 1
    assert "did you mean 'lineinfile'?" in capsys.readouterr().err
    assert counterpart("nothing_like_it") is None


def test_a_recipe_with_a_module_of_ansible_gets_its_counterpart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "r.py").write_text("from cookbook.resources import *\nlineinfile('/etc/x')\n")
    assert main(["plan", str(tmp_path / "r.py"), "--local"]) == 1
    said = capsys.readouterr().err
    assert "r.py:2" in said
    assert "cook has 'line'" in said


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("lineinfile", "cook has 'line'"),
        ("servce", "did you mean 'service'?"),
        ("apt", "'package'"),
    ],
)
def test_an_import_of_a_name_that_is_not_there_has_the_same_hints(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, says: str
) -> None:
    (tmp_path / "r.py").write_text(f"from cookbook.resources import {name}\n")
    assert main(["plan", str(tmp_path / "r.py"), "--local"]) == 1
    said = capsys.readouterr().err
    assert "r.py:1" in said
    assert says in said


@pytest.mark.parametrize("page", ["from-ansible.md", "from-chef.md"])
def test_the_page_of_the_documents_is_the_table(page: str) -> None:
    assert Path("docs", page).resolve().parent == Path("cookbook/language").resolve()


@pytest.mark.parametrize(
    ("recipe", "says"),
    [
        ("file('/x')", "from cookbook.resources import file"),
        ("compose('/srv/shop')", "from cookbook.resources import compose"),
        ("print(node)", "from cookbook.recipe import node"),
        ("fiel('/x')", "did you mean 'file'?"),
        ("import sys\nsys.path.insert(0, ROOT)\nfrom resources import file", "cookbook.resources"),
    ],
)
def test_a_recipe_without_the_import_is_told_which_line_is_missing(
    recipe: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The folder of the built-in types is no package of its own, even where it can be found."""
    root = str(Path(__file__).parents[2])
    (tmp_path / "r.py").write_text(recipe.replace("ROOT", repr(root)))
    assert main(["plan", str(tmp_path / "r.py"), "--local"]) == 1
    assert says in capsys.readouterr().err
