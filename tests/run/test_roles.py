"""Each host with its own recipes, and the resources of them that a run is about."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cookbook.cli import main

HOSTS = """\
defaults: {{transport: local, recipes: [base.py]}}
hosts:
  db1: {{vars: {{dir: {here}/db1}}}}
  web1: {{vars: {{dir: {here}/web1}}}}
  bare: {{vars: {{dir: {here}/bare}}}}
groups:
  db: {{hosts: [db1], recipes: [db.py]}}
  web: {{hosts: [web1], recipes: [web.py]}}
"""
HEAD = "from cookbook.recipe import *\nfrom cookbook.resources import *\nD = node.vars['dir']\n"
BASE = "directory(D)\nfile(f'{D}/base', content=node.name)\n"
DB = "file(f'{D}/db', content='x', notifies=[delayed('run', 'execute[bell]')])\nBELL"
WEB = "file(f'{D}/web', content='x', tags=['site'])\n"
BELL = "execute('bell', command=f'touch {D}/bell', action='nothing')\n"


@pytest.fixture
def fleet(many_machines: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:  # noqa: ARG001
    """Three hosts, each with recipes of its own."""
    monkeypatch.chdir(tmp_path)
    Path("hosts.yml").write_text(HOSTS.format(here=tmp_path))
    for name, text in (("base", BASE), ("db", DB.replace("BELL", BELL)), ("web", WEB)):
        Path(f"{name}.py").write_text(HEAD + text)
    return tmp_path


def cook(
    capsys: pytest.CaptureFixture[str], *words: str, command: str = "converge"
) -> dict[str, Any]:
    status = main([command, "--hosts", "hosts.yml", "--output", "json", *words])
    said = capsys.readouterr()
    document = json.loads(said.out) if said.out else {}
    return {"status": status, "err": said.err, **document}


def there(folder: Path) -> dict[str, set[str]]:
    return {
        name: {path.name for path in (folder / name).glob("*")} for name in ("db1", "web1", "bare")
    }


def test_each_host_has_its_own_recipes(fleet: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = cook(capsys)

    assert document["status"] == 0
    db, web = {"base", "db", "bell"}, {"base", "web"}
    assert there(fleet) == {"db1": db, "web1": web, "bare": {"base"}}
    assert document["set"] == "hosts"
    assert document["recipes"] == ["base.py", "db.py", "web.py"]
    assert cook(capsys)["totals"]["changed"] == 0


def test_a_recipe_on_the_command_line_is_for_all(
    fleet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cook(capsys, "base.py")["set"] == "base"
    assert there(fleet) == {"db1": {"base"}, "web1": {"base"}, "bare": {"base"}}


def test_hosts_without_a_recipe_are_left_out_and_named(
    fleet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = HOSTS.format(here=fleet).replace(", recipes: [base.py]", "").replace("base.py", "web.py")
    Path("hosts.yml").write_text(text)
    Path("web.py").write_text(HEAD + BASE)
    Path("db.py").write_text(HEAD + BASE)

    document = cook(capsys)

    assert list(document["hosts"]) == ["db1", "web1"]
    assert "without a recipe, left out: bare" in document["err"]


BOTH = ["", "base"]


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (["--recipe", "web.py"], {"web1": ["web"]}),
        (["--recipe", "./base.py"], {"db1": BOTH, "web1": BOTH, "bare": BOTH}),
        (["--recipe", "db.py", "--recipe", "web.py"], {"db1": ["db", "bell"], "web1": ["web"]}),
        (["--only", "file[*/web]"], {"db1": [], "web1": ["web"], "bare": []}),
        (["--only", "file[*/db]", "--limit", "db,web"], {"db1": ["db", "bell"], "web1": []}),
        (["--tags", "site"], {"db1": [], "web1": ["web"], "bare": []}),
        (["--only", "file[*]", "--recipe", "web.py"], {"web1": ["web"]}),
    ],
)
def test_a_part_of_the_resources_and_what_they_notify(
    fleet: Path, capsys: pytest.CaptureFixture[str], options: list[str], wanted: dict[str, Any]
) -> None:
    for name in ("db1", "web1", "bare"):
        (fleet / name).mkdir()

    document = cook(capsys, *options)

    assert {
        host: [
            one["id"].partition("[")[2].removeprefix(f"{fleet}/{host}").strip("/]")
            for one in told["resources"]
            if one["status"] not in ("skipped", "ok") or one["id"].startswith("directory")
            if one["status"] != "skipped"
        ]
        for host, told in document["hosts"].items()
    } == wanted


def test_what_was_not_chosen_is_no_orphan_and_what_left_the_list_is(
    fleet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cook(capsys)
    chosen = cook(capsys, "--recipe", "web.py", "--prune")
    assert chosen["totals"]["orphaned"] == 0
    assert there(fleet)["web1"] == {"base", "web"}

    text = Path("hosts.yml").read_text()
    Path("hosts.yml").write_text(text.replace(", recipes: [web.py]", ""))
    left = cook(capsys)
    assert left["totals"]["orphaned"] == 1
    cook(capsys, "--prune")
    assert there(fleet)["web1"] == {"base"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--recipe", "wbe.py"], "no host has this recipe"),
        (["web.py", "--recipe", "web.py"], "a recipe is named as well"),
        (["--recipe", "wbe.py"], "did you mean 'web.py'?"),
        (["--only", "file[/nowhere]"], "no such resource is declared"),
        (["--tags", "stie"], "did you mean 'site'?"),
    ],
)
def test_a_choice_of_nothing_is_refused(
    fleet: Path, capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    document = cook(capsys, *options)

    assert document["status"] == 1
    assert said in document["err"]
    assert there(fleet) == {"db1": set(), "web1": set(), "bare": set()}


def test_no_recipe_at_all_is_refused(fleet: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("hosts.yml").write_text("defaults: {transport: local}\nhosts: [h1]")

    assert "there is no recipe" in cook(capsys)["err"]
    assert main(["converge", "--local"]) == 1
    assert fleet.exists()


def test_a_saved_plan_and_drift_have_the_roles_too(
    fleet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cook(capsys, "-o", "plan.json", command="plan")["status"] == 2
    assert there(fleet)["db1"] == set()
    assert main(["apply", "plan.json", "--hosts", "hosts.yml"]) == 0
    capsys.readouterr()
    assert there(fleet)["web1"] == {"base", "web"}
    (fleet / "web1/web").write_text("y")
    drift = cook(capsys, command="drift")
    assert [h for h, told in drift["hosts"].items() if told["in_line"] < 100] == ["web1"]
