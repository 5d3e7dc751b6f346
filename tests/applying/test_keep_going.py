"""`--keep-going`: a failure leaves out only what needs the failed resource."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cookbook.cli import main

LINES = "from cookbook.recipe import *\nfrom cookbook.resources import *\n"


def run(
    folder: Path, recipe: str, capsys: pytest.CaptureFixture[str], *options: str
) -> tuple[int, dict[str, str], dict[str, str | None]]:
    """Converge this machine; return the exit status, and by resource its status and `until`."""
    (folder / "r.py").write_text(LINES + recipe.replace("D/", f"{folder}/"))
    words = ["converge", str(folder / "r.py"), "--local", "--no-record", "--output", "json"]
    status = main([*words, *options])
    told = json.loads(capsys.readouterr().out)["hosts"]["localhost"]["resources"]
    short = [(one, one["id"].replace(f"{folder}/", "")) for one in told]
    return (
        status,
        {name: one["status"] for one, name in short},
        {name: one["until"] for one, name in short},
    )


FOLDER = """
file("D/plain", content="x", mode="0644")
directory("D/plain/sub")
file("D/plain/sub/a", content="a", mode="0644")
file("D/b", content="b", mode="0644", notifies=[delayed("run", "execute[bell]")])
execute("bell", command="echo >> D/bell", action="nothing")
file("D/c", content="c", mode="0644")
"""


def test_without_it_nothing_declared_after_a_failure_is_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, done, _ = run(tmp_path, FOLDER, capsys)
    assert (status, done["file[b]"], done["file[c]"]) == (3, "not-run", "not-run")


def test_what_needs_the_failed_resource_is_left_out_and_the_rest_is_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, done, until = run(tmp_path, FOLDER, capsys, "--keep-going")

    assert status == 3
    assert done == {
        "file[plain]": "changed",
        "directory[plain/sub]": "failed",
        "file[plain/sub/a]": "not-run",
        "file[b]": "changed",
        "file[c]": "changed",
        "execute[bell]": "changed",
    }
    assert until["file[plain/sub/a]"] == f"directory[{tmp_path}/plain/sub]"
    assert (tmp_path / "c").read_text() == "c"
    assert (tmp_path / "bell").read_text() == "\n"  # a notification of what was done


def test_a_command_that_is_declared_after_a_failure_is_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = """
execute("build", command="false")
execute("deploy", command="echo > D/deployed")
execute("later", command="echo > D/later", only_if="test -e D/deployed")
file("D/c", content="c", mode="0644")
"""
    status, done, until = run(tmp_path, recipe, capsys, "--keep-going")

    assert (status, done["execute[deploy]"], done["file[c]"]) == (3, "not-run", "changed")
    assert done["execute[later]"] == "skipped"  # its guard says no
    assert until["execute[deploy]"] == "execute[build]"
    assert not (tmp_path / "deployed").exists()


def test_a_failure_that_is_ignored_leaves_nothing_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = """
execute("build", command="false", ignore_failure=True)
execute("deploy", command="echo > D/deployed")
"""
    status, done, _ = run(tmp_path, recipe, capsys, "--keep-going")
    assert (status, done["execute[deploy]"]) == (0, "changed")


def test_each_of_several_failures_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = """
file("D/none/a", content="a", mode="0644")
file("D/ok", content="ok", mode="0644")
directory("D/none/b/c")
link("D/none/b/c/l", to="/")
file("D/last", content="ok", mode="0644")
"""
    status, done, _ = run(tmp_path, recipe, capsys, "--keep-going")

    assert status == 3
    assert done == {
        "file[none/a]": "failed",
        "file[ok]": "changed",
        "directory[none/b/c]": "failed",
        "link[none/b/c/l]": "not-run",
        "file[last]": "changed",
    }


def test_the_cleanup_of_an_attempt_is_done_in_any_case(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = """
with attempt("deploy") as deploy:
    execute("build", command="false")
    execute("after", command="echo > D/after")
with deploy.always():
    execute("clean", command="echo > D/cleaned")
"""
    status, done, _ = run(tmp_path, recipe, capsys, "--keep-going")

    assert (status, done["execute[after]"], done["execute[clean]"]) == (3, "not-run", "changed")
    assert (tmp_path / "cleaned").exists()


def test_an_attempt_handles_its_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = """
with attempt("deploy") as deploy:
    execute("build", command="false")
    file("D/after", content="x")
with deploy.rescue():
    execute("back", command="echo > D/back")
execute("last", command="echo > D/last")
"""
    status, done, _ = run(tmp_path, recipe, capsys, "--keep-going")

    assert (status, done["file[after]"]) == (0, "not-run")
    assert (tmp_path / "back").exists()
    assert (tmp_path / "last").exists()
