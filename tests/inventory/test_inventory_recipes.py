"""The recipes of hosts: merged over defaults, groups and the host."""

from __future__ import annotations

from pathlib import Path

import pytest

from cookbook.errors import InventoryError
from cookbook.inventory import load


@pytest.fixture(autouse=True)
def recipes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty recipes a.py to f.py, in the current folder."""
    monkeypatch.chdir(tmp_path)
    for name in "abcdef":
        (tmp_path / f"{name}.py").touch()


def of(text: str, host: str = "h") -> list[str]:
    Path("hosts.yml").write_text(text)
    return [str(path) for path in load(Path("hosts.yml")).hosts[host].recipes]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("hosts: [h]", []),
        ("hosts: {h: {recipes: [b.py, a.py]}}", ["b.py", "a.py"]),
        ("hosts: {h: {recipes: a.py}}", ["a.py"]),
        # defaults, the parent group, the child group, the host
        (
            (
                "defaults: {recipes: [a.py]}\nhosts: {h: {recipes: [d.py]}}\ngroups:\n"
                "  child: {hosts: [h], recipes: [c.py]}\n"
                "  parent: {groups: [child], recipes: [b.py]}\n"
            ),
            ["a.py", "b.py", "c.py", "d.py"],
        ),
        # twice: where it is named first; groups that are not inside one another: as in the file
        (
            (
                "hosts: [h]\ngroups:\n  x: {hosts: [h], recipes: [b.py, a.py]}\n"
                "  y: {hosts: [h], recipes: [a.py, c.py]}\n"
            ),
            ["b.py", "a.py", "c.py"],
        ),
        # the longest path up decides, whatever stands first in the file
        (
            (
                "hosts: [h]\ngroups:\n  low: {hosts: [h], recipes: [c.py]}\n"
                "  mid: {groups: [low], recipes: [b.py]}\n"
                "  top: {groups: [mid, low], recipes: [a.py]}\n"
            ),
            ["a.py", "b.py", "c.py"],
        ),
        ("hosts: {h: {recipes: []}}", []),
    ],
)
def test_recipes_are_merged_from_far_to_near(text: str, wanted: list[str]) -> None:
    assert of(text) == wanted


def test_paths_start_at_the_folder_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("hosts.yml").write_text("hosts: {h: {recipes: [a.py]}}")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")

    found = load(Path("../hosts.yml")).hosts["h"].recipes

    assert [path.resolve() for path in found] == [tmp_path.resolve() / "a.py"]


def test_all_places_of_recipes_are_shown() -> None:
    Path("hosts.yml").write_text(
        "hosts: {h: {recipes: [b.py]}}\ngroups: {g: {hosts: [h], recipes: [a.py]}}"
    )

    origins = load(Path("hosts.yml")).explain("h", "recipes")

    assert [(one.level, one.used) for one in origins] == [("group g", True), ("host", True)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "hosts: {h: {recipes: [aa.py]}}",
            ":1: there is no recipe 'aa.py'; did you mean 'a.py'",
        ),
        (
            "hosts: {h: {recipes: [web.yml]}}",
            ":1: 'web.yml': a recipe is a Python file; is it web.yml.py?",
        ),
        ("hosts: {h: {recipes: [5]}}", ":1: recipes of host h must be paths, not 5"),
        ("hosts: {h: {recipes: {a: b}}}", ":1: recipes of host h must be paths, not a mapping"),
        ("hosts: {h: {recipe: a.py}}", "did you mean 'recipes'?"),
        ("hosts: {h: {run_list: a.py}}", "did you mean 'recipes'?"),
        ("hosts: [h]\ngroups: {g: {roles: [a.py]}}", "did you mean 'recipes'?"),
    ],
)
def test_what_is_wrong_is_refused_with_file_and_line(text: str, said: str) -> None:
    with pytest.raises(InventoryError) as caught:
        of(text)

    told = "; ".join(filter(None, (str(caught.value), caught.value.hint)))
    assert said in told
    assert "hosts.yml:" in told
