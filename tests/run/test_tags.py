"""Tags: a part of the resources of a recipe."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cookbook.cli import main

RECIPE = """
from cookbook.recipe import delayed, tagged
from cookbook.resources import execute, file

with tagged("web"):
    file("D/web", content="x", mode="0644", notifies=[delayed("run", "execute[bell]")])
    with tagged("tls"):
        file("D/tls", content="x", mode="0644", tags=["keys"])
file("D/other", content="x", mode="0644")
execute("bell", command="echo >> D/bell", action="nothing")
"""


def run(
    folder: Path, capsys: pytest.CaptureFixture[str], *options: str, command: str = "converge"
) -> dict[str, str]:
    (folder / "r.py").write_text(RECIPE.replace("D/", f"{folder}/"))
    words = [command, str(folder / "r.py"), "--local", "--output", "json", *options]
    main([*words, "--no-record"] if command == "converge" else words)
    told = json.loads(capsys.readouterr().out)["hosts"]["localhost"]["resources"]
    return {one["id"].replace(f"{folder}/", ""): one["status"] for one in told}


@pytest.mark.parametrize(
    ("options", "done"),
    [
        ([], {"web", "tls", "other", "bell"}),
        (["--tags", "web"], {"web", "tls", "bell"}),
        (["--tags", "tls"], {"tls"}),
        (["--tags", "keys,tls"], {"tls"}),
        (["--skip-tags", "web"], {"other"}),
        (["--tags", "web", "--skip-tags", "keys"], {"web", "bell"}),
    ],
)
def test_only_chosen_resources_are_done_and_what_they_notify(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], done: set[str]
) -> None:
    statuses = run(tmp_path, capsys, *options)

    assert {path.name for path in tmp_path.iterdir()} == {"r.py", *done}
    left = {"file[web]", "file[tls]", "file[other]"} - {f"file[{name}]" for name in done}
    assert {name for name, status in statuses.items() if status == "skipped"} == left


def test_a_plan_tells_of_the_chosen_ones_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    statuses = run(tmp_path, capsys, "--tags", "tls", command="plan")
    assert statuses["file[tls]"] == "changed"
    assert statuses["file[web]"] == statuses["file[other]"] == "skipped"


def test_a_tag_that_no_resource_has_is_an_error_with_the_nearest_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "r.py").write_text(RECIPE.replace("D/", f"{tmp_path}/"))
    assert main(["converge", str(tmp_path / "r.py"), "--local", "--tags", "wbe"]) == 1
    said = capsys.readouterr().err
    assert "no resource has the tag 'wbe'" in said
    assert "did you mean 'web'?" in said
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("wrong", ['"web"', '["two words"]', "[1]", '[""]'])
def test_tags_are_a_list_of_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], wrong: str
) -> None:
    recipe = f"from cookbook.resources import file\nfile('/x', content='', tags={wrong})\n"
    (tmp_path / "r.py").write_text(recipe)
    assert main(["plan", str(tmp_path / "r.py"), "--local"]) == 1
    assert "r.py:2: file[/x]: tags must be" in capsys.readouterr().err


def test_what_was_left_out_is_no_orphan(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tmp_path, capsys)
    statuses = run(tmp_path, capsys, "--tags", "tls", "--prune")
    assert "orphaned" not in statuses.values()
    assert (tmp_path / "other").exists()
