"""A host that is known is asked for its state together with its facts, in one exchange."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cookbook.cli import main
from cookbook.inventory import Host
from cookbook.run import kept_facts
from cookbook.script.facts import Facts, facts_from_json, facts_json

HEADING = "from cookbook.recipe import node\nfrom cookbook.resources import directory, file\n"
TREE = "for n in range(30):\n    file(f'D/{n}', content='x', mode='0644')\n"
BY_FACT = "file(f'D/{node.facts.kernel}', content='x', mode='0644')\n"
BY_TOOL = "file('D/x', content='fine' if node.facts.init != 'openrc' else 'bad', mode='0644')\n"

Local = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def local(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Local:
    """Run on this machine; return the exit status, and the document of the host."""
    monkeypatch.setenv("COOK_STATE", str(tmp_path / "state"))
    (tmp_path / "D").mkdir()

    def run(recipe: str, *options: str, command: str = "converge") -> tuple[int, dict[str, Any]]:
        (tmp_path / "r.py").write_text(HEADING + recipe.replace("D/", f"{tmp_path}/D/"))
        words = [command, str(tmp_path / "r.py"), "--local", "--output", "json", "--no-record"]
        status = main([*words, *options])
        return status, json.loads(capsys.readouterr().out)["hosts"]["localhost"]

    return run


def known() -> Facts:
    [path] = kept_facts.folder().iterdir()
    return facts_from_json(json.loads(path.read_text())["facts"])


def pretend(facts: Facts) -> None:
    """Have the host known as another one than it is."""
    [path] = kept_facts.folder().iterdir()
    data = json.loads(path.read_text())
    path.write_text(json.dumps(data | {"facts": facts_json(facts)}))


@pytest.mark.parametrize("recipe", [TREE, BY_FACT], ids=["of no fact", "by a fact"])
@pytest.mark.parametrize("command", ["converge", "plan", "drift"])
def test_a_run_with_nothing_to_do_takes_one_exchange(
    local: Local, recipe: str, command: str
) -> None:
    assert local(recipe)[1]["exchanges"] == 3  # the facts, the states, the changes
    status, host = local(recipe, command=command)

    assert (status, host["exchanges"]) == (0, 1)
    assert {one["status"] for one in host["resources"]} == {"ok"}


def test_what_has_changed_on_the_host_is_seen(local: Local, tmp_path: Path) -> None:
    local(TREE)
    (tmp_path / "D/7").write_text("by hand")
    status, host = local(TREE)

    assert (status, host["exchanges"]) == (0, 2)
    assert [one["id"] for one in host["resources"] if one["status"] != "ok"] == [
        f"file[{tmp_path}/D/7]"
    ]


def test_other_facts_than_the_last_ones_count(local: Local, tmp_path: Path) -> None:
    """What was asked by the wrong ones is neither done nor said."""
    local(BY_TOOL)
    kernel = known().kernel
    pretend(replace(known(), init="openrc", kernel="1.0", package_tool="zypper"))
    for recipe in (BY_TOOL, BY_FACT):
        status, _ = local(recipe)
        assert status == 0
    assert (tmp_path / "D/x").read_text() == "fine"
    assert sorted(one.name for one in (tmp_path / "D").iterdir()) == sorted(["x", kernel])
    assert known().kernel == kernel


def test_a_recipe_that_fails_by_the_last_facts_only(local: Local) -> None:
    recipe = "assert node.facts.init != 'openrc'\n" + TREE
    local(recipe)
    pretend(replace(known(), init="openrc"))

    assert local(recipe)[0] == 0


def test_who_asks_a_question_without_an_answer_is_said(local: Local, tmp_path: Path) -> None:
    slow = "file('D/x', content='x', only_if='[ ! -e D/slow ] || sleep 60')\n"
    local(slow)
    (tmp_path / "D/slow").touch()
    _, host = local(slow, "--host-timeout", "1s")

    assert host["status"] == "timeout"
    assert host["error"]["message"].endswith(
        f", asked for file[{tmp_path}/D/x] ({tmp_path}/r.py:3)"
    )
    assert host["error"]["phase"] == "probe"
    assert host["exchanges"] == 1


def test_hosts_of_one_name_have_files_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COOK_STATE", str(tmp_path))
    here = Host("web1", address="192.0.2.1")
    kept_facts.keep([(here, Facts(kernel="6.1"))])

    assert kept_facts.recall(replace(here, address="192.0.2.2")) is None
    found = kept_facts.recall(here)
    assert found is not None
    assert found.facts.kernel == "6.1"
