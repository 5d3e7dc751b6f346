"""Lazy values: properties whose value the host gives when the turn of their resource comes."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cookbook.cli import main
from cookbook.language.lazy import Lazy
from cookbook.secrets.secret import Secret

LINES = "from cookbook.recipe import *\nfrom cookbook.resources import *\n"

Local = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def local(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Local:
    """Run on this machine; return the exit status, and the document of the host."""

    def run(recipe: str, *options: str, command: str = "converge") -> tuple[int, dict[str, Any]]:
        (tmp_path / "r.py").write_text(LINES + recipe.replace("D/", f"{tmp_path}/"))
        words = [command, str(tmp_path / "r.py"), "--local", "--output", "json"]
        status = main([*words, "--no-record", *options])
        return status, json.loads(capsys.readouterr().out)["hosts"]["localhost"]

    return run


def statuses(host: dict[str, Any]) -> list[str]:
    return [one["status"] for one in host["resources"]]


FILE = """
file("D/cpus", content=lazy("echo 4", lambda text: f"cpus = {int(text) * 2}\\n"), mode="0644")
"""


def test_the_host_gives_the_value_and_a_second_run_changes_nothing(
    local: Local, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COOK_STATE", str(tmp_path / "state"))
    assert statuses(local(FILE)[1]) == ["changed"]
    assert (tmp_path / "cpus").read_text() == "cpus = 8\n"

    status, host = local(FILE)
    assert (status, statuses(host)) == (0, ["ok"])
    assert host["exchanges"] == 2  # one for the facts and the values, one for the states


def test_a_plan_shows_the_value_and_the_diff(local: Local) -> None:
    status, host = local(FILE, command="plan")
    assert (status, statuses(host)) == (2, ["changed"])
    assert "+cpus = 8" in host["resources"][0]["diff"]


LATER = """
execute("make the token", command="echo token > D/token", creates="D/token")
file("D/copy", content=lazy("cat D/token"), mode="0600")
"""


def test_a_value_that_an_earlier_change_makes_is_unknown_in_a_plan(local: Local) -> None:
    _, host = local(LATER, command="plan")
    assert statuses(host) == ["changed", "unknown"]
    assert host["resources"][1]["until"] == "execute[make the token]"


def test_a_value_that_an_earlier_change_makes_is_read_after_it(
    local: Local, tmp_path: Path
) -> None:
    status, host = local(LATER)
    assert (status, statuses(host)) == (0, ["changed", "changed"])
    assert (tmp_path / "copy").read_text() == "token"


def test_a_value_inside_of_a_mapping_is_filled_in(local: Local, tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "t.j2").write_text("{{ a.b[0] }} {{ c }}\n")
    recipe = 'template("D/t", source="t.j2", variables={"a": {"b": [lazy("echo x")]}, "c": 1})'
    local(recipe)
    assert (tmp_path / "t").read_text() == "x 1\n"


def test_a_guard_that_says_no_needs_no_value(local: Local) -> None:
    status, host = local('file("D/a", content=lazy("exit 9"), not_if="true")')
    assert (status, statuses(host)) == (0, ["skipped"])


def test_a_failing_command_fails_its_resource_only_when_its_turn_comes(
    local: Local,
) -> None:
    status, host = local(
        'file("D/a", content="a", mode="0644")\n'
        'file("D/b", content=lazy("echo no such app >&2; exit 9"), mode="0644")'
    )
    assert (status, statuses(host)) == (3, ["changed", "failed"])
    error = host["resources"][1]["error"]
    assert error["command"] == "echo no such app >&2; exit 9"
    assert (error["status"], error["output"]) == (9, "no such app")


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ('lazy("echo x", int)', "the parse of a lazy value raised ValueError"),
        ('lazy("echo 1", int)', "content must be text"),
    ],
)
def test_a_value_that_does_not_fit_is_an_error_with_the_line(
    local: Local, value: str, says: str
) -> None:
    status, host = local(f'file("D/a", content={value})')
    assert (status, statuses(host)) == (3, ["failed"])
    assert says in host["resources"][0]["error"]["message"]
    assert host["resources"][0]["where"].endswith("r.py:3")


@pytest.mark.parametrize(
    ("recipe", "says"),
    [
        ("file(lazy('echo x'))", "name cannot be lazy"),
        ("file('a', path=lazy('echo /x'))", "the name of the thing on the host cannot be lazy"),
        ("file('/a', tags=[lazy('echo x')])", "tags cannot be lazy"),
        ("file('/a', content=f'{lazy(\"echo x\")}')", "no text can contain it"),
        ("file('/a', content=lazy('x'), mode=7.5)", "mode must be"),
        ("file('/a', content=lazy('x'), colour=1)", "there is no property 'colour'"),
    ],
)
def test_what_cannot_be_lazy_is_refused_before_a_host_is_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], recipe: str, says: str
) -> None:
    (tmp_path / "r.py").write_text(LINES + recipe)
    assert main(["plan", str(tmp_path / "r.py"), "--local"]) == 1
    said = capsys.readouterr().err
    assert says in said
    assert "r.py:3" in said


def test_a_sensitive_value_is_in_no_report_and_in_no_file_of_the_history(
    tmp_path: Path,
) -> None:
    word = "KzQ7mmv2pass"
    (tmp_path / "source").write_text(word)
    (tmp_path / "r.py").write_text(
        LINES + f'file("{tmp_path}/a", mode="0600", content=lazy("cat {tmp_path}/source",'
        f' lambda text: "password=" + text, sensitive=True))'
    )
    store = tmp_path / "store"
    words = ["cook", "converge", str(tmp_path / "r.py"), "--local", "-vv", "--record"]
    done = subprocess.run(
        [*words, "--store", f"sqlite:///{store}/db"],
        env=os.environ | {"COOK_STATE": str(store)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert (tmp_path / "a").read_text() == f"password={word}"
    assert word not in done.stdout
    assert any(store.rglob("*"))
    assert not [f for f in store.rglob("*") if f.is_file() and word.encode() in f.read_bytes()]
    assert word not in done.stderr


def test_all_texts_in_a_sensitive_value_are_secrets() -> None:
    value = Lazy("", json.loads, sensitive=True).value('{"a": ["s3cret-word", 5]}')
    assert value == {"a": ["s3cret-word", 5]}
    assert isinstance(value["a"][0], Secret)


UNKNOWN = {
    "link": 'link("D/x", to=lazy("cat D/made"))',
    "config_value": 'config_value("a", path="D/conf", value=lazy("cat D/made"))',
    "user": 'user("nobody", comment=lazy("cat D/made"))',
    "cron": 'cron("c", command=lazy("cat D/made"), minute=5)',
    "template": 'template("D/t", source="t.j2", variables={"a": lazy("cat D/made")})',
    "execute": 'execute("e", command=lazy("cat D/made"))',
    "service": 'service("cron", action="restart", timeout=lazy("cat D/made", float))',
    "directory": 'directory("D/x/y", owner=lazy("cat D/made"))',
}


@pytest.mark.parametrize("resource", UNKNOWN.values(), ids=UNKNOWN)
def test_a_plan_with_an_unknown_lazy_value_has_no_defect(local: Local, resource: str) -> None:
    recipe = f"""
execute("make", command="echo made > D/made", creates="D/made")
{resource}
file("D/x/y/z", content="z", mode="0644")
link("D/other", to="D/x")
"""
    _, host = local(recipe, command="plan")
    assert host["error"] is None
    assert statuses(host)[1] == "unknown"


def test_a_saved_plan_has_the_value_and_applies_it(
    tmp_path: Path,
) -> None:
    (tmp_path / "r.py").write_text(
        LINES + f'file("{tmp_path}/a", content=lazy("cat {tmp_path}/source"), mode="0644")'
    )
    (tmp_path / "source").write_text("one")
    plan = str(tmp_path / "plan.json")
    assert main(["plan", str(tmp_path / "r.py"), "--local", "-o", plan]) == 2
    (tmp_path / "source").write_text("two")
    assert main(["apply", plan, "--local", "--no-record"]) == 0
    assert (tmp_path / "a").read_text() == "one"


def test_a_plan_with_unknown_resources_is_applied_and_says_that_it_was_not_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "r.py").write_text(LINES + LATER.replace("D/", f"{tmp_path}/"))
    plan = str(tmp_path / "plan.json")
    main(["plan", str(tmp_path / "r.py"), "--local", "-o", plan])
    capsys.readouterr()
    assert main(["apply", plan, "--local", "--no-record"]) == 2
    assert "1 resource was unknown in the plan and not changed" in capsys.readouterr().out
    assert not (tmp_path / "copy").exists()
