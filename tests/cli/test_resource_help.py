"""`cook resources`: the list, one type, and the examples."""

from __future__ import annotations

from pathlib import Path

import pytest

from cookbook.cli import main
from cookbook.cli.resource_help import CATEGORIES, example_of
from cookbook.language.collection import NO_FACTS_YET, Node
from cookbook.language.compiler import compile_recipes
from cookbook.language.resource import Resource
from cookbook.plugins.registry import kinds

TYPES = kinds()


@pytest.mark.parametrize("name", TYPES)
def test_each_type_has_a_category_and_an_example_that_compiles(name: str, tmp_path: Path) -> None:
    kind = TYPES[name]
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "app.conf.j2").write_text("port {{ port }}\n")
    (tmp_path / "files" / "site").mkdir(parents=True)
    (tmp_path / "files" / "site" / "index.html").write_text("hello\n")
    (tmp_path / "files" / "app.conf").write_text("port 8080\n")
    recipe = tmp_path / "r.py"
    recipe.write_text(f"from cookbook.resources import {name}\n{example_of(kind)}\n")

    compiled = compile_recipes([recipe], Node("web1", NO_FACTS_YET))

    assert kind.category in CATEGORIES[:-1]
    assert [type(declared.resource) for declared in compiled] == [kind]


def test_the_list_has_each_type_below_its_category(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["resources"]) == 0
    lines = capsys.readouterr().out.splitlines()
    heading, found = "", {}
    for line in lines:
        if line.endswith(":"):
            heading = line[:-1]
        elif line.startswith("  "):
            found[line.split()[0]] = heading
    several = {"compose": "several types at once"}
    assert found == {name: kind.category for name, kind in TYPES.items()} | several


def test_a_function_of_several_types_is_described(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["resources", "compose"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("compose: Declare the networks, volumes, images and containers")
    assert "\n  variables: Mapping[str, str | int] | None = None\n" in shown


def test_one_type_shows_its_own_properties_and_names_those_of_all(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["resources", "sysctl"]) == 0
    shown = capsys.readouterr().out
    assert 'sysctl("vm.swappiness", value=10)' in shown
    assert "actions: apply, nothing, remove (default: apply)" in shown
    assert "  conf_dir: str = '/etc/sysctl.d'" in shown
    assert "  retry_delay: " not in shown
    assert "--all shows them): notifies, subscribes" in shown

    assert main(["resources", "sysctl", "--all"]) == 0
    assert "  retry_delay: float = 2.0" in capsys.readouterr().out


def test_a_type_of_a_plugin_without_a_category_is_listed_last() -> None:
    assert Resource.category == CATEGORIES[-1] == "other"


def test_a_property_is_shown_with_its_default_and_its_text(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["resources", "file"]) == 0
    said = capsys.readouterr().out
    assert "force_unlink: bool = False" in said
    assert "Remove whatever else is in its place" in said
