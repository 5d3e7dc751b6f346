"""Mistakes that users of Chef, Ansible and pyinfra make, and the nearest right thing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cookbook.errors import RecipeError
from cookbook.language.collection import Node
from cookbook.language.compiler import compile_recipes
from cookbook.script.facts import Facts

HEADING = "from cookbook.resources import *\nfrom cookbook.recipe import *\n"

MISTAKES = {
    "a misspelt resource type": ('packge("x")', "did you mean 'package'?"),
    "another misspelt one": ('servcie("x")', "did you mean 'service'?"),
    "Chef's include_recipe": ('include_recipe("x")', "import the module"),
    "Ansible's state": ('service("x", action="started")', "for 'started' say action='start'"),
    "a state as a property": (
        'package("x", state="present")',
        "for state='present' say action='install', which is the default",
    ),
    "the newest": ('package("x", state="latest")', "say action='upgrade'"),
    "a state that is gone": ('package("x", state="absent")', "say action='remove'"),
    "a state as an action": (
        'package("x", action="present")',
        "for 'present' say action='install'",
    ),
    "a state in a list": ('service("x", action=["enable", "started"])', "say action='start'"),
    "a file that is gone": ('file("/x", state="absent")', "say action='delete'"),
    "a folder": ('file("/x", state="directory")', "directory(...)"),
    "a setting": ('sysctl("a.b", value=1, state="present")', "say action='apply'"),
    "Puppet's word": ('user("x", ensure="present")', "say action='create'"),
    "pyinfra's word": ('user("x", present=False)', "say action='remove'"),
    "enabled": ('service("x", state="started", enabled=True)', "say action='start'"),
    "only enabled": ('service("x", enabled=True)', 'action=["enable", "start"]'),
    "no such state": ('service("x", state="sleeping")', "action may be disable, enable"),
    "a misspelt action": ('service("x", action="strat")', "did you mean 'start'?"),
    "a list of packages": ('package(["a", "b"])', "package_name="),
    "a fact of Ohai": ("node.facts.os", "did you mean 'distribution'?"),
    "two contents of one path": (
        'file("a", path="/x", content="1")\nfile("b", path="/x", content="2")',
        "declare it once",
    ),
}


@pytest.mark.parametrize(("text", "hint"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_answered_with_the_right_word(tmp_path: Path, text: str, hint: str) -> None:
    (recipe := tmp_path / "r.py").write_text(HEADING + text + "\n")

    with pytest.raises(RecipeError) as caught:
        compile_recipes([recipe], Node("web1", Facts()))

    assert hint in (caught.value.hint or "")
    assert "r.py:" in str(caught.value)


def test_two_wishes_that_agree_are_fine(tmp_path: Path) -> None:
    (recipe := tmp_path / "r.py").write_text(
        f'{HEADING}file("a", path="/x", content="1")\nfile("b", path="/x", mode="0644")\n'
        'service("a", service_name="x", action="enable")\nservice("x", action="start")\n'
    )

    assert len(compile_recipes([recipe], Node("web1", Facts()))) == 4


def test_a_package_brings_its_own_files_and_templates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site/my_cookbook"
    for folder, text in (("files", "of the package\n"), ("templates", "{{ x }}\n")):
        (package / folder).mkdir(parents=True)
        (package / folder / "thing").write_text(text)
    (package / "__init__.py").write_text(
        "from cookbook.resources import file, template\n\n"
        "def site():\n"
        "    file('/etc/a', source='thing')\n"
        "    template('/etc/b', source='thing', variables={'x': 'filled'})\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    (tmp_path / "recipes").mkdir()
    (recipe := tmp_path / "recipes/r.py").write_text("from my_cookbook import site\nsite()\n")

    one, two = compile_recipes([recipe], Node("web1", Facts()))

    assert one.resource.content == b"of the package\n"  # type: ignore[attr-defined]
    assert two.resource.content in ("filled\n", b"filled\n")  # type: ignore[attr-defined]


def test_a_block_of_a_template_leaves_no_empty_line(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates/t.j2").write_text(
        "{% for n in [1, 2] %}\n  line {{ n }}\n{% endfor %}\n"
    )
    (recipe := tmp_path / "r.py").write_text(f'{HEADING}template("/x", source="t.j2")\n')

    [one] = compile_recipes([recipe], Node("web1", Facts()))

    assert one.resource.content in ("  line 1\n  line 2\n", b"  line 1\n  line 2\n")  # type: ignore[attr-defined]


@pytest.mark.parametrize("guard", ["lambda: False", "lambda node: False"])
def test_a_guard_takes_the_node_or_nothing(tmp_path: Path, guard: str) -> None:
    (tmp_path / "r.py").write_text(
        f"{HEADING}file('{tmp_path}/made', content='x', only_if={guard})\n"
    )

    assert cook(tmp_path, "converge", "r.py", "--local").returncode == 0
    assert not (tmp_path / "made").exists()


def cook(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run cook in a folder."""
    return subprocess.run(
        [sys.executable, "-m", "cookbook.cli", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "XDG_STATE_HOME": str(folder / "state")},
    )


OPTIONS = {
    "a misspelt command": (["pln"], "did you mean 'plan'?"),
    "a misspelt option": (["plan", "r.py", "--local", "--limmit", "x"], "did you mean '--limit'?"),
    "Ansible's check": (["converge", "r.py", "--local", "--check"], "`cook plan` shows"),
}


@pytest.mark.parametrize(("words", "hint"), OPTIONS.values(), ids=OPTIONS)
def test_a_wrong_option_is_answered_with_the_nearest(
    tmp_path: Path, words: list[str], hint: str
) -> None:
    done = cook(tmp_path, *words)

    assert done.returncode == 1
    assert hint in done.stderr
    assert words == ["pln"] or f"usage: cook {words[0]}" in done.stderr


def test_plans_and_reports_are_private(tmp_path: Path) -> None:
    (tmp_path / "r.py").write_text(f"{HEADING}file('{tmp_path}/made', content='x')\n")
    before = os.umask(0)
    try:
        cook(tmp_path, "plan", "r.py", "--local", "-o", "plan.json", "--report", "report.html")
    finally:
        os.umask(before)

    modes = {
        name: (tmp_path / name).stat().st_mode & 0o777 for name in ("plan.json", "report.html")
    }
    assert modes == {"plan.json": 0o600, "report.html": 0o600}


def test_a_reader_that_leaves_early_costs_no_traceback(tmp_path: Path) -> None:
    run = f"{sys.executable} -m cookbook.cli explain"
    script = f"{run} | head -1; {run} link-lost | true"
    done = subprocess.run(
        ["sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert done.stderr == ""
