"""The features that a change is due to: in plans, saved plans, runs and the history."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cookbook.approval.planfile import load
from cookbook.cli import main
from cookbook.language.lazy import Lazy
from cookbook.resources import Execute, File
from cookbook.run.feature_effects import same

HEADING = "from cookbook.resources import *\nfrom cookbook.recipe import *\n"
RECIPE = """\
file('D/tls', content='new' if node.feature('tls') else 'old', mode='0644',
     notifies=[delayed('run', 'execute[reload]')])
execute('reload', command='true', action='nothing')
file('D/same', content='x', mode='0644', only_if=lambda: True)
if node.feature('extra'):
    file('D/extra', content='x', mode='0644')
"""

Runs = Callable[..., dict[str, Any]]


@pytest.fixture
def runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Runs:
    """Run a recipe on this machine; `D` is a folder."""
    monkeypatch.chdir(tmp_path)
    Path("hosts.yml").write_text("hosts: {web1: {transport: local}}")

    def run(
        features: str, *words: str, recipe: str = RECIPE, command: str = "plan"
    ) -> dict[str, Any]:
        Path("features.yml").write_text(features)
        Path("r.py").write_text(HEADING + recipe.replace("D/", f"{tmp_path}/"))
        main([command, "r.py", "--hosts", "hosts.yml", "--output", "json", *words])
        found: dict[str, Any] = json.loads(capsys.readouterr().out)["hosts"]["web1"]
        return {Path(one["id"][:-1]).name: one for one in found["resources"]}

    return run


OFF = "tls: {share: 0%}\nextra: {share: 0%}\n"
ON = "tls: {share: 100%}\nextra: {share: 100%}\n"


def effects(resources: dict[str, Any]) -> dict[str, list[tuple[str, bool, bool]]]:
    return {
        name: [(f["name"], f["on"], f["decisive"]) for f in one["features"]]
        for name, one in resources.items()
        if "features" in one
    }


def test_on_a_new_host_a_feature_decides_about_the_content_not_about_the_file(runs: Runs) -> None:
    assert effects(runs(OFF)) == {"tls": [("tls", False, False)]}
    assert effects(runs(ON)) == {"tls": [("tls", True, False)], "extra": [("extra", True, True)]}


def test_a_feature_that_is_switched_is_the_cause(runs: Runs) -> None:
    runs(OFF, command="converge")

    planned = runs(ON)
    assert effects(planned) == {"tls": [("tls", True, True)], "extra": [("extra", True, True)]}
    [told] = planned["tls"]["features"]
    assert told["why"] == "share 100 %"
    assert told["detail"].startswith("web1 is at ")
    assert planned["execute[reload"]["because"].endswith("tls]")


def test_what_a_feature_has_left_is_an_orphan_because_of_it(runs: Runs) -> None:
    runs(ON, command="converge")

    left = runs(OFF)
    assert left["extra"]["status"] == "orphaned"
    assert effects(left)["extra"] == [("extra", False, True)]
    assert effects(runs(OFF, "--prune")) == effects(left)


def test_drift_is_not_because_of_a_feature_that_has_not_changed(runs: Runs, tmp_path: Path) -> None:
    runs(ON, command="converge")
    (tmp_path / "tls").write_text("edited")
    (tmp_path / "same").write_text("edited")

    assert effects(runs(ON)) == {"tls": [("tls", True, False)]}


def test_a_host_in_line_is_compiled_once(runs: Runs, tmp_path: Path) -> None:
    count = tmp_path / "count"
    recipe = f"with open('{count}', 'a') as f: f.write('x')\n{RECIPE}"
    runs(ON, recipe=recipe, command="converge")
    count.write_text("")
    runs(ON, recipe=recipe)
    assert count.read_text() == "x"

    runs("tls: {share: 0%}\nextra: {share: 100%}\n", recipe=recipe)
    assert count.read_text() == "x" + "xxx"  # itself, and one for each of the two features


def test_a_recipe_that_does_not_work_with_the_opposite_says_nothing(runs: Runs) -> None:
    recipe = "assert node.feature('tls')\nfile('D/x', content='x', mode='0644')\n"

    assert effects(runs(ON, recipe=recipe)) == {}


def test_no_host_is_asked_only_to_explain_a_change(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the opposite answer the recipe needs the facts of a host that was not asked."""
    recipe = (
        "if not node.feature('tls'):\n    hosts(limit='db1')[0].facts.kernel\n"
        "file('D/x', content='x', mode='0644')\n"
    )
    runs(ON, recipe=recipe)
    Path("hosts.yml").write_text("hosts: {web1: {transport: local}, db1: {transport: local}}")
    monkeypatch.setattr("cookbook.run.runner.gather_facts", lambda *_: pytest.fail("asked"))

    planned = runs(ON, "--limit", "web1", recipe=recipe)
    assert planned["x"]["status"] == "changed"
    assert effects(planned) == {}


def test_facts_are_known_to_the_opposite_too(runs: Runs) -> None:
    recipe = (
        "kernel = node.facts.kernel\nif node.feature('tls'):\n    file('D/x', content=kernel)\n"
    )

    assert effects(runs(ON, recipe=recipe)) == {"x": [("tls", True, True)]}


def test_a_saved_plan_and_the_history_keep_them(
    runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    runs(OFF, command="converge")
    runs(ON, "-o", "p.json")

    saved = load(Path("p.json")).hosts["web1"].steps[0]
    assert [(e.answer.name, e.is_decisive) for e in saved.features] == [("tls", True)]
    assert main(["show", "p.json"]) == 0
    line = "      because of the feature tls (on: share 100 %)\n"
    assert line in capsys.readouterr().out

    runs(ON, "--report", "r.html", "--report", "r.md", "--report", "r.xml", command="converge")
    for report in ("r.html", "r.md"):
        assert "because of the feature tls (on: share 100 %)" in Path(report).read_text(), report
    assert main(["show", "last"]) == 0
    assert line in capsys.readouterr().out


def test_hosts_with_equal_changes_are_told_together(
    runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    runs(OFF)
    Path("hosts.yml").write_text("defaults: {transport: local}\nhosts: {web1: {}, web2: {}}")

    main(["plan", "r.py", "--hosts", "hosts.yml"])
    out = capsys.readouterr().out
    assert "web1, web2 (2 hosts)" in out
    assert out.count("according to the feature tls (off: share 0 %)") == 1


def _closing(value: int) -> Callable[[], bool]:
    return lambda: value > 1


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (File("/a", content="x"), File("/a", content="x"), True),
        (File("/a", content="x"), File("/a", content="y"), False),
        (File("/a", tags=["x"]), File("/a", tags=["y"]), True),
        (File("/a", only_if=_closing(1)), File("/a", only_if=_closing(1)), True),
        (File("/a", only_if=_closing(1)), File("/a", only_if=_closing(2)), False),
        (File("/a", only_if="x"), File("/a", only_if=_closing(2)), False),
        (Execute("a", environment={"X": "1"}), Execute("a", environment={"X": "1"}), True),
        (Execute("a", environment={"X": "1"}), Execute("a", environment={"X": "2"}), False),
        (File("/a"), Execute("/a"), False),
    ],
)
def test_declarations_are_compared(one: Any, other: Any, equal: bool) -> None:  # noqa: FBT001 - a case
    assert same(one, other) == equal


def test_lazy_values_are_compared_by_their_command() -> None:
    def made(command: str) -> Any:
        resource = File("/a")
        object.__setattr__(resource, "content", Lazy(command, str, sensitive=False))
        return resource

    assert same(made("a"), made("a"))
    assert not same(made("a"), made("b"))
