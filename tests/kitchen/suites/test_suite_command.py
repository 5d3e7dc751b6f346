"""`cook kitchen test` with a driver whose host is this machine; all but the driver is real."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shlex
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import xmlschema
import yaml

from cookbook.cli import main
from cookbook.errors import KitchenError
from cookbook.inventory.host_driver import HostOrder, MadeHost
from cookbook.kitchen.suites import runner

XSD = Path(__file__).parents[2] / "reports/junit-10.xsd"
IMPORT = "from cookbook.resources import execute, file\nfrom cookbook.recipe import node, secret\n"
GOOD = """\
file(f"{node.vars['below']}/motd", content=secret("greeting"), mode="0644")
file(f"{node.vars['below']}/other", content="x", mode="0644")
"""
UNSTABLE = "execute('date')\n"
VERIFY = """\
def test_the_greeting(host):
    assert host.file("{below}/motd").content_string == "hello"
"""


class Here:
    """A driver whose host is this machine."""

    made: list[str]
    gone: list[str]

    def __init__(self) -> None:
        self.made, self.gone = [], []

    def check(self, order: HostOrder) -> None:
        if order.settings:
            raise KitchenError("no settings")

    def create(self, order: HostOrder) -> Sequence[MadeHost]:
        self.made.append(order.suite)
        settings = {"transport": "local"}
        return [MadeHost(name, settings, ("sh", "-l"), "local://") for name in order.names]

    def destroy(self, order: HostOrder) -> None:
        self.gone.append(order.suite)


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Here:
    found = Here()
    monkeypatch.setattr("cookbook.cli.authoring.kitchen._driver", lambda _: found)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COOK_KITCHEN", str(tmp_path / ".kitchen"))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    Path("good.py").write_text(IMPORT + GOOD)
    Path("unstable.py").write_text(IMPORT + UNSTABLE)
    for module in ("json", "logging"):  # recipes, which no process may take for modules of Python
        Path(f"{module}.py").write_text(IMPORT + "file('/nowhere/at/all')")
    Path("test_good.py").write_text(VERIFY.format(below=tmp_path))
    Path("test_bad.py").write_text("def test_it(host):\n    assert host.file('/none').exists\n")
    Path("data").write_text("copied")
    write(tmp_path)
    return found


def write(tmp_path: Path) -> None:
    """Write a kitchen.yml with three suites."""
    variables = {"below": str(tmp_path)}
    good = {
        "recipes": ["good.py"],
        "vars": variables,
        "secrets": {"greeting": "hello"},
        "files": {"data": f"{tmp_path}/copies/data"},
        "verify": ["test_good.py"],
        "drift": [
            {"run": f"rm {tmp_path}/motd", "differs": [f"file[{tmp_path}/motd]"]},
            {"run": f"echo y >{tmp_path}/other", "differs": [f"file[{tmp_path}/other]"]},
        ],
    }
    bad = {"recipes": ["good.py"], "vars": variables, "secrets": {"greeting": "hello"}}
    suites = {
        "good": good,
        "bad": {**bad, "verify": ["test_bad.py"]},
        "still": {**bad, "drift": ["true"], "undo": False},
        "unstable": {"recipes": ["unstable.py"]},
        "two": {"recipes": ["good.py"], "releases": ["trixie", "bullseye"]},
    }
    Path("kitchen.yml").write_text(yaml.safe_dump({"suites": suites}, sort_keys=False))


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    status = main(["kitchen", "test", *words])
    said = capsys.readouterr()
    return status, said.out, said.err


def results(out: str) -> dict[str, str]:
    [suite] = json.loads(out)["suites"]
    return {stage["stage"]: stage["status"] for stage in suite["stages"]}


@pytest.mark.slow
def test_a_good_suite_passes_all_stages(
    driver: Here, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    status, out, errors = run(capsys, "good", "--junit", "k.xml", "--output", "json")
    assert status == 0, errors
    stages = ("create", "converge", "again", "verify", "drift", "undo", "destroy")
    assert results(out) == dict.fromkeys(stages, "passed")
    assert "good-bookworm  converge  passed" in errors
    assert (tmp_path / "copies/data").read_text() == "copied"
    assert not (tmp_path / "motd").exists()  # undone
    assert (driver.made, driver.gone) == (["good"], ["good"])
    assert not (tmp_path / ".kitchen/suites/good-bookworm").exists()
    xmlschema.XMLSchema(str(XSD)).validate("k.xml")
    assert re.findall(r'<testcase name="(\w+)"', Path("k.xml").read_text()) == list(stages)


@pytest.mark.slow
def test_a_failed_verify_is_kept_with_the_way_in(
    driver: Here, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    status, out, _ = run(capsys, "bad", "--junit", "k.xml")
    assert status == 3
    assert "bad-bookworm  verify    failed" in out
    assert "FAILED test_bad.py::test_it" in out
    assert "bad-bookworm is kept:\n  h1: sh -l\n" in out
    (down,) = re.findall(r"when you have looked: (cook .*)", out)
    place = f"--folder {Path('.kitchen').absolute()} test --file {Path('kitchen.yml').absolute()}"
    assert down == f"cook kitchen {place} --destroy bad --release bookworm"
    assert driver.gone == []
    xmlschema.XMLSchema(str(XSD)).validate("k.xml")

    def refused() -> None:
        raise KitchenError("testinfra is not there, which only a run needs")

    monkeypatch.setattr(runner, "require_testinfra", refused)
    monkeypatch.chdir("/")
    assert main(shlex.split(down)[1:]) == 0
    assert driver.gone == ["bad"]


def test_hosts_of_another_process_are_let_alone(
    driver: Here, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(".kitchen/suites").mkdir(parents=True)
    with Path(".kitchen/suites/unstable-bookworm.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        status, out, _ = run(capsys, "unstable", "--keep", "never")
        assert status == 3
        assert "another process is at work on unstable on bookworm" in out
        assert run(capsys, "unstable", "--destroy")[0] == 1
    assert (driver.made, driver.gone) == ([], [])


def test_hosts_of_another_driver_are_not_forgotten(
    driver: Here, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, "unstable", "--keep", "always")[0] == 3
    settings = Path("kitchen.yml").read_text()
    Path("kitchen.yml").write_text(
        settings.replace("- unstable.py", "- unstable.py\n    driver: podman")
    )
    status, _, errors = run(capsys, "unstable", "--destroy")
    assert status == 1
    assert "still there, made by the driver kitchen" in errors
    assert driver.gone == []
    Path("kitchen.yml").write_text(settings)
    assert run(capsys, "unstable", "--destroy")[0] == 0
    assert driver.gone == ["unstable"]


def test_an_unstable_recipe_is_named(driver: Here, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "unstable", "--keep", "never")
    assert status == 3
    assert "failed" in out
    assert "the second run changed execute[date] [unstable.py:3]" in out
    assert driver.gone == ["unstable"]


@pytest.mark.slow
def test_drift_that_cook_does_not_see_is_a_failure(
    driver: Here, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, _ = run(capsys, "still", "--keep", "never")
    assert status == 3
    assert "after `true`: cook plan shows no difference" in out
    assert driver.gone == ["still"]


# Words, and what is said before anything is made.
REFUSED = {
    "an unknown suite": (["god"], "there is no suite 'god'", "good"),
    "an unknown release": (["--release", "bookwrm"], "there is no release 'bookwrm'", "bookworm"),
    "a release without suites": (["good", "--release", "trixie"], "no chosen suite is for", ""),
    "no such file": (["--file", "none.yml"], "none.yml: cannot be read", "kitchen-suites.md"),
    "no folder for JUnit": (["--junit", "none/k.xml"], "there is no folder", ""),
}


@pytest.mark.parametrize("case", REFUSED)
def test_wrong_input_makes_no_host(
    driver: Here, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    words, says, hint = REFUSED[case]
    status, _, errors = run(capsys, *words)
    assert status == 1
    assert says in errors
    assert hint in errors
    assert driver.made == []


def test_without_testinfra_no_host_is_made(
    driver: Here, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    status, _, errors = run(capsys, "good")
    assert status == 1
    assert "verify needs pytest and testinfra" in errors
    assert "pip install 'cook-converge[test]'" in errors
    assert driver.made == []


def test_without_root_there_is_no_kitchen(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    Path("web.py").touch()
    Path("kitchen.yml").write_text("suites: {web: {recipes: [web.py]}}")
    status, _, errors = run(capsys)
    assert status == 1
    assert "the kitchen needs root" in errors


def test_a_signal_destroys_what_was_made(
    driver: Here, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def create(order: HostOrder) -> Sequence[MadeHost]:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(3)  # for the signal to be handled by the main thread
        return Here.create(driver, order)

    monkeypatch.setattr(driver, "create", create)
    status, out, _ = run(capsys, "two", "--parallel", "1")
    assert status == 130
    assert "two-trixie    converge  skipped           interrupted" in out
    assert "two-bullseye  create    skipped           interrupted" in out
    assert "is kept" not in out
    assert (driver.made, driver.gone) == (["two"], ["two"])


@pytest.mark.usefixtures("driver")
def test_an_inventory_gives_variables_groups_and_recipes(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    inventory: dict[str, Any] = {
        "hosts": {"web1": {"vars": {"below": str(tmp_path)}}, "db1": {}},
        "groups": {"web": {"hosts": ["web1"], "recipes": ["good.py"]}},
    }
    Path("hosts.yml").write_text(yaml.safe_dump(inventory))
    suite = {"inventory": "hosts.yml", "hosts": ["web1"], "secrets": {"greeting": "a"}}
    Path("kitchen.yml").write_text(yaml.safe_dump({"suites": {"roles": suite}}))
    status, out, errors = run(capsys, "--keep", "always", "--output", "json")
    assert status == 0, out + errors
    written = yaml.safe_load((tmp_path / ".kitchen/suites/roles-bookworm/suite.yml").read_text())
    assert written["hosts"]["web1"] == {
        "transport": "local",
        "vars": {"below": str(tmp_path)},
        "recipes": [str(tmp_path / "good.py")],
    }
    assert written["groups"] == {"web": {"hosts": ["web1"]}}
    Path("kitchen.yml").write_text("suites: {a: {inventory: hosts.yml, hosts: [web2]}}")
    assert "has no host 'web2'" in run(capsys)[2]
    Path("kitchen.yml").write_text("suites: {a: {inventory: hosts.yml, hosts: [db1]}}")
    assert "host db1 has no recipes" in run(capsys)[2]
