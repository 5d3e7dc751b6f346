"""What has left the recipe: named, removed only when told to, and only what we created."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cookbook.cli import main

HEADING = "from cookbook.resources import *\nfrom cookbook.recipe import *\n"

Cook = Callable[..., dict[str, Any]]


@pytest.fixture
def cook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Cook:
    """The command on this machine; its document, and its status."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COOK_STATE", str(tmp_path / "state"))
    Path("d").mkdir()

    def run(*words: str, recipe: str | None = None, name: str = "r.py") -> dict[str, Any]:
        if recipe is not None:
            Path(name).write_text(f"{HEADING}D = '{tmp_path}/d'\n{recipe}")
            words = (*words, name)
        status = main([*words, "--local", "--output", "json"])
        said = capsys.readouterr()
        document: dict[str, Any] = json.loads(said.out) if said.out else {}
        return document | {"status": status, "stderr": said.err}

    return run


def steps(document: dict[str, Any]) -> dict[str, str]:
    [host] = document["hosts"].values()
    return {resource["id"].rpartition("/")[2]: resource["status"] for resource in host["resources"]}


def tree() -> list[str]:
    return sorted(str(path.relative_to("d")) for path in Path("d").rglob("*"))


TREE = """
directory(f"{D}/dir")
file(f"{D}/dir/x", content="x\\n")
link(f"{D}/l", to="x")
"""
KEPT = 'file(f"{D}/kept", content="k\\n")\n'


def test_what_has_left_the_recipe_is_named_and_stays(cook: Cook) -> None:
    cook("converge", recipe=TREE + KEPT)
    planned = cook("plan", recipe=KEPT)
    assert planned["status"] == 0
    assert steps(planned) == {
        "kept]": "ok",
        "l]": "orphaned",
        "x]": "orphaned",
        "dir]": "orphaned",
    }
    assert cook("converge", recipe=KEPT)["status"] == 0
    assert tree() == ["dir", "dir/x", "kept", "l"]


def test_a_prune_removes_it_the_latest_first_and_an_undo_brings_it_back(cook: Cook) -> None:
    cook("converge", recipe=TREE + KEPT)
    planned = cook("plan", "--prune", recipe=KEPT)
    assert planned["status"] == 2
    assert list(steps(planned)) == ["kept]", "l]", "x]", "dir]"]
    assert cook("converge", "--prune", recipe=KEPT)["status"] == 0
    assert tree() == ["kept"]
    assert cook("plan", "--prune", recipe=KEPT)["status"] == 0

    assert cook("undo", "last", "--yes")["status"] == 0
    assert tree() == ["dir", "dir/x", "kept", "l"]
    again = cook("plan", "--prune", recipe=KEPT)  # they are ours as before
    assert list(steps(again)) == ["kept]", "l]", "x]", "dir]"]
    assert cook("converge", "--prune", recipe=KEPT)["status"] == 0
    assert tree() == ["kept"]


def test_what_was_there_before_us_stays(cook: Cook) -> None:
    Path("d/theirs").write_text("t\n")
    Path("d/changed").write_text("c\n")
    cook(
        "converge",
        recipe='file(f"{D}/theirs", content="t\\n")\nfile(f"{D}/changed", content="ours\\n")',
    )
    pruned = cook("converge", "--prune", recipe=KEPT)
    assert pruned["status"] == 0
    assert steps(pruned) == {"kept]": "changed", "theirs]": "orphaned", "changed]": "orphaned"}
    assert tree() == ["changed", "kept", "theirs"]


def test_two_sets_leave_each_other_alone(cook: Cook) -> None:
    cook("converge", recipe=TREE, name="one.py")
    other = cook("converge", "--prune", recipe=KEPT, name="two.py")
    assert steps(other) == {"kept]": "changed"}
    both = cook("converge", recipe=KEPT, name="one.py")
    assert "orphaned" in steps(both).values()
    # Both sets declare `kept` now: whoever lets go of it does not remove it.
    cook("converge", "--prune", recipe=TREE, name="two.py")
    assert "kept" in tree()


def test_a_drift_report_speaks_of_the_set_that_is_meant(cook: Cook) -> None:
    cook("converge", "--as", "base", recipe=TREE + KEPT)
    cook("converge", "--as", "base", recipe=KEPT)
    assert "orphaned" not in steps(cook("drift", recipe=KEPT)).values()
    drifted = cook("drift", "--as", "base", recipe=KEPT)
    assert (drifted["status"], drifted["in_line"]) == (0, 100)
    assert list(steps(drifted).values()).count("orphaned") == 3


def test_a_new_name_and_a_new_word_for_the_same_thing_are_no_orphans(cook: Cook) -> None:
    cook("converge", recipe='file("title", path=f"{D}/a", content="a\\n")' + "\n" + TREE)
    Path("templates").mkdir()
    Path("templates/a.j2").write_text("a\n")
    renamed = """
template(f"{D}/a", source="a.j2")
directory("the folder", path=f"{D}/dir")
file("the file", path=f"{D}/dir/x", content="x\\n")
link("the link", target_file=f"{D}/l", to="x")
"""
    planned = cook("plan", "--prune", recipe=renamed)
    assert planned["status"] == 0, planned
    assert set(steps(planned).values()) == {"ok"}, steps(planned)


def test_a_folder_in_which_somebody_has_something_is_named_and_stays(cook: Cook) -> None:
    cook("converge", recipe=TREE)
    Path("d/dir/foreign").write_text("f\n")
    assert cook("plan", "--prune", recipe=KEPT)["status"] == 3
    before = tree()
    pruned = cook("converge", "--prune", recipe=KEPT)
    assert pruned["status"] == 3
    assert steps(pruned)["dir]"] == "failed"
    assert "d/dir/foreign" in str(pruned)
    assert tree() == sorted([*before, "kept"])
    Path("d/dir/foreign").unlink()
    assert cook("converge", "--prune", recipe=KEPT)["status"] == 0
    assert tree() == ["kept"]


def test_a_saved_plan_prunes_what_it_says_or_nothing(cook: Cook) -> None:
    cook("converge", recipe=TREE)
    assert cook("plan", "--prune", "-o", "p.cook", recipe=KEPT)["status"] == 2
    Path("d/dir/x").write_text("by hand\n")
    before = tree()
    refused = cook("apply", "p.cook")
    assert refused["status"] == 3
    assert tree() == before
    assert Path("d/dir/x").read_text() == "by hand\n"

    cook("plan", "--prune", "-o", "p.cook", recipe=KEPT)
    assert cook("apply", "p.cook")["status"] == 0
    assert tree() == ["kept"]
    assert cook("undo", "last", "--yes")["status"] == 0
    assert Path("d/dir/x").read_text() == "by hand\n"


def entry(identity: object, **more: object) -> str:
    told = {
        "provider": "file",
        "identity": identity,
        "own": True,
        "resource": {"resource": "file", "name": identity},
        "where": "r.py:1",
        "run": "1",
        "gone": False,
    }
    return json.dumps(told | more)


BROKEN = [
    "not json",
    "[" * 100_000,
    "null",
    "{}",
    "\0\x1c\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
    entry(["a"]),
    entry({"a": 1}),
    entry("VICTIM", own="yes"),
    entry("VICTIM", gone=None),
    entry("VICTIM", resource="file"),
    entry("VICTIM", resource={"resource": 5}),
    entry("VICTIM", resource={"resource": "zork", "name": "VICTIM"}),
    entry("VICTIM", resource={"resource": "file"}),
    entry("VICTIM", resource={"resource": "file", "name": "VICTIM", "mode": ["5"]}),
    entry("VICTIM", resource={"resource": "file", "name": "VICTIM", "zork": 5}),
    entry("/nowhere", resource={"resource": "file", "name": "VICTIM"}),
    entry("VICTIM", provider="zork"),
    entry("VICTIM", provider="directory"),
    entry("VICTIM", provider=5),
    entry("VICTIM", zork=1),
    entry("VICTIM", where=5),
]


@pytest.mark.parametrize("line", BROKEN, ids=range(len(BROKEN)))
def test_a_broken_manifest_costs_no_run_and_nothing_is_removed_for_it(
    cook: Cook, cook_home: Path, line: str
) -> None:
    victim = Path("d/victim")
    victim.write_text("v\n")
    cook("converge", recipe=KEPT)
    with (cook_home / "manifest" / "r").open("a") as file:
        file.write(line.replace("VICTIM", str(victim.absolute())))
    pruned = cook("converge", "--prune", recipe=KEPT)
    assert pruned["status"] == 0, pruned
    assert steps(pruned) == {"kept]": "ok"}
    assert victim.read_text() == "v\n"
    cook("converge", recipe=KEPT + TREE)  # what is written after it is still read
    assert "orphaned" in steps(cook("plan", recipe=KEPT)).values()


def test_half_a_line_does_not_join_two_sets(cook: Cook, cook_home: Path) -> None:
    cook("converge", recipe=KEPT, name="a.py")
    cook("converge", recipe=TREE, name="b.py")
    with (cook_home / "manifest" / "a").open("a") as file:
        file.write('{"provider":"fi')
    pruned = cook("converge", "--prune", recipe=KEPT, name="a.py")
    assert steps(pruned) == {"kept]": "ok"}
    assert "dir/x" in tree()


def test_ten_megabytes_of_manifest_cost_no_run(cook: Cook, cook_home: Path) -> None:
    cook("converge", recipe=KEPT)
    with (cook_home / "manifest" / "r").open("a") as file:
        file.write("x" * 10_000_000)
    assert cook("converge", "--prune", recipe=KEPT)["status"] == 0


@pytest.mark.slow
def test_a_manifest_grows_no_more_than_what_it_tells_of(cook: Cook, cook_home: Path) -> None:
    for _ in range(2):
        many = "\n".join(f'file(f"{{D}}/{i}", content="x")' for i in range(80))
        assert cook("converge", recipe=KEPT + many)["status"] == 0
        pruned = cook("converge", "--prune", recipe=KEPT)
        assert pruned["status"] == 0, pruned
        assert tree() == ["kept"]
    cook("converge", recipe=KEPT)
    assert len((cook_home / "manifest" / "r").read_text().splitlines()) == 1


KEYS = "ssh-ed25519 AAAA{} {}@desk"


def _keys(*names: str, action: str = "create") -> str:
    keys = [KEYS.format(name, name) for name in names]
    rest = f'path=f"{{D}}/keys", key={keys}, action="{action}"'
    return f'authorized_key("{"+".join(names)}", user="root", {rest})\n'


@pytest.mark.parametrize(
    ("first", "later", "left"),
    [
        (_keys("one", "two"), _keys("one", action="remove"), ""),
        (_keys("one") + _keys("two"), _keys("one", action="remove"), ""),
        (_keys("one") + _keys("two"), "", ""),
        (_keys("one", "two"), _keys("two"), "two"),
        (_keys("two") + _keys("one"), _keys("two"), "two"),
        (_keys("one", "two"), _keys("two", "one"), "one two"),
    ],
)
def test_each_key_of_a_list_is_pruned_by_itself(
    cook: Cook, first: str, later: str, left: str
) -> None:
    """The manifest has an entry for each key, in whatever resource it was declared."""
    assert cook("converge", recipe=first)["status"] == 0
    Path("d/keys").write_text(f"{Path('d/keys').read_text()}{KEYS.format('theirs', 'bob')}\n")
    assert cook("converge", "--prune", recipe=later + KEPT)["status"] == 0
    lines = Path("d/keys").read_text().splitlines()
    there = {line.split()[1].removeprefix("AAAA") for line in lines}
    assert there == {*left.split(), "theirs"}
    assert cook("plan", "--prune", recipe=later + KEPT)["status"] == 0


def test_a_key_of_a_list_that_was_pruned_comes_back_as_ours(cook: Cook) -> None:
    cook("converge", recipe=_keys("one", "two"))
    cook("converge", "--prune", recipe=_keys("one"))
    assert cook("undo", "last", "--yes")["status"] == 0
    assert "AAAAtwo" in Path("d/keys").read_text()
    cook("converge", "--prune", recipe=_keys("one"))
    assert "AAAAtwo" not in Path("d/keys").read_text()


def test_the_only_key_of_a_file_takes_no_other_with_it_when_it_is_pruned(cook: Cook) -> None:
    """That nothing else may be in the file was a wish of the recipe, and has left with it."""
    cook("converge", recipe=_keys("one").replace(", action", ", exclusive=True, action"))
    Path("d/keys").write_text(f"{Path('d/keys').read_text()}{KEYS.format('theirs', 'bob')}\n")
    cook("converge", "--prune", recipe=KEPT)
    assert Path("d/keys").read_text() == f"{KEYS.format('theirs', 'bob')}\n"
