"""Audits of hosts that are this machine: results, waivers, exit statuses."""

from __future__ import annotations

import json
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from cookbook.hosts.connect import connect
from tests.audit.profiles import TODAY, audit, write_profile
from tests.data import read_yaml

RESULTS = read_yaml(Path(__file__).with_name("results.yml"))
NOT_JUDGED = read_yaml(Path(__file__).with_name("not_judged.yml"))


def one(body: str, more: str = "") -> str:
    """A profile with one control."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return f'with control("a", title="A", severity="high"{more}):\n{lines}'


@pytest.mark.parametrize("case", RESULTS, ids=lambda case: case["body"])
def test_the_result_of_a_control(fleet: Path, case: dict[str, Any]) -> None:
    text = "from cookbook.resources import execute, file\n" + one(case["body"])
    said = audit(write_profile(fleet / "p", text), "--limit", "db1")
    status = case["status"]
    assert said.results() == {"a": {"db1": status}}, said
    if status != "error" or "reasons" in case:
        reasons, expected = said.reasons("a", "db1"), case.get("reasons", [])
        assert len(reasons) == len(expected)
        assert all(one.startswith(so) for one, so in zip(reasons, expected, strict=True)), reasons
    assert said.status == {"passed": 0, "not applicable": 0, "failed": 2, "error": 3}[status]


def test_a_condition(fleet: Path) -> None:
    """A control whose condition does not hold is not applicable, whatever its checks would say."""
    profile = fleet / "p"
    for condition, status in (
        ("false", "not applicable"),
        ("command -v no-such-tool", "not applicable"),
        ("no-such-tool", "error"),
        ("true", "failed"),
    ):
        write_profile(profile, one('check("x", command="false")', f', only_if="{condition}"'))
        assert audit(profile, "--limit", "db1").results() == {"a": {"db1": status}}, condition


def test_each_control_is_judged_by_itself(fleet: Path) -> None:
    """The change that one wants makes no other unknown, and two can be about one thing."""
    text = (
        "from cookbook.resources import directory, file\n"
        'with control("a", title="A", severity="low"):\n'
        f'    directory("{fleet}/new")\n'
        'with control("b", title="B", severity="low"):\n'
        f'    file("{fleet}/new/x", content="x")\n'
        'with control("c", title="C", severity="low"):\n'
        f'    file("{fleet}/hosts.yml", owner="daemon")\n'
        'with control("d", title="D", severity="low"):\n'
        f'    file("{fleet}/hosts.yml", owner="root")\n'
    )
    said = audit(write_profile(fleet / "p", text), "--limit", "db1")
    assert [one["db1"] for one in said.results().values()] == [
        "failed",
        "failed",
        "failed",
        "passed",
    ]
    assert not (fleet / "new").exists()


def test_controls_of_some_hosts_only(fleet: Path) -> None:
    text = 'if node.vars.get("web"):\n' + "".join(
        f"    {line}\n" for line in one('check("true")').splitlines()
    )
    found = audit(write_profile(fleet / "p", text)).results()
    assert found == {"a": {"web1": "passed", "web2": "passed", "db1": "not applicable"}}


def test_a_hundred_controls_cost_as_many_exchanges_as_one(fleet: Path) -> None:
    def exchanges(number: int) -> int:
        text = "".join(
            f'with control("c-{i}", title="C", severity="low"):\n    check("echo {i}")\n'
            for i in range(number)
        )
        said = audit(write_profile(fleet / f"p{number}", text), "--limit", "db1")
        assert len(said.results()) == number
        count: int = said.document["hosts"]["db1"]["exchanges"]
        return count

    exchanges(1)  # the host is known from now on
    assert exchanges(100) == exchanges(1)


def test_what_is_not_chosen_is_not_asked(fleet: Path) -> None:
    text = one(f'check("x", command="touch {fleet}/asked")') + (
        'with control("b-1", title="B", severity="low"):\n    check("true")\n'
    )
    profile = write_profile(fleet / "p", text)
    assert list(audit(profile, "--control", "b-*").results()) == ["b-1"]
    assert not (fleet / "asked").exists()
    assert list(audit(profile, "--severity", "medium").results()) == ["a"]


def waiver(expires: date, hosts: str = "web*,!web2") -> str:
    about = f"- control: a\n  hosts: '{hosts}'\n  reason: until the move\n"
    return f"{about}  expires: {expires}\n  by: ann\n"


def test_a_waiver_counts_on_its_hosts_until_it_expires(fleet: Path) -> None:
    profile = write_profile(fleet / "p", one('check("x", command="false")'))
    (profile / "waivers.yml").write_text(waiver(TODAY + timedelta(days=400)))
    said = audit(profile)
    assert said.results() == {"a": {"web1": "waived", "web2": "failed", "db1": "failed"}}
    assert said.document["remarks"] == []
    assert said.status == 2
    (profile / "waivers.yml").write_text(waiver(TODAY, "*"))
    said = audit(profile)
    assert set(said.results()["a"].values()) == {"waived"}
    assert said.status == 0
    assert said.document["remarks"] == [f"p/waivers.yml:1: the waiver of a expires today ({TODAY})"]
    [web1, *_] = said.document["controls"][0]["hosts"].values()
    assert web1["waiver"] == {
        "reason": "until the move",
        "expires": str(TODAY),
        "by": "ann",
        "at": "p/waivers.yml:1",
    }
    (profile / "waivers.yml").write_text(waiver(TODAY - timedelta(days=1), "*"))
    said = audit(profile)
    assert set(said.results()["a"].values()) == {"failed"}
    assert "has expired" in said.document["remarks"][0]
    assert said.status == 2


@pytest.mark.parametrize("more", ["", '\ncheck("y", command="false")'])
def test_a_waiver_does_not_cover_what_was_not_judged(fleet: Path, more: str) -> None:
    profile = write_profile(fleet / "p", one(f'check("x", command="no-such-tool"){more}'))
    (profile / "waivers.yml").write_text(waiver(TODAY, "*"))
    said = audit(profile)
    assert set(said.results()["a"].values()) == {"error"}
    assert said.status == 3


def test_an_unreachable_host_is_never_passed(fleet: Path) -> None:
    inventory = (fleet / "hosts.yml").read_text()
    away = "web2: {transport: ssh, address: 127.0.0.1, port: 1, vars: {web: true}}"
    Path("hosts.yml").write_text(inventory.replace("web2: {vars: {web: true}}", away))
    profile = write_profile(fleet / "p", one('check("true")'))
    said = audit(profile, "--limit", "db1")
    assert said.status == 0
    # Not by the fixture: it would reach all hosts as this machine.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cookbook.run.runner.connect", connect)
        said = audit(profile, "--limit", "web2,db1")
    assert said.results() == {"a": {"web2": "error", "db1": "passed"}}
    [reason] = said.reasons("a", "web2")
    assert reason.startswith("not judged: ")
    assert said.status == 4


def test_a_profile_can_read_facts(fleet: Path) -> None:
    text = (
        "node.facts.version\n" + one('check("true")') + 'if node.name == "db1":\n    check("x")\n'
    )
    said = audit(write_profile(fleet / "p", text))
    assert said.results() == {"a": {"web1": "passed", "web2": "passed", "db1": "error"}}
    assert "checks.py:7: check('x') is outside of a control" in said.reasons("a", "db1")[0]
    assert said.status == 3


def test_an_unknown_control_of_a_profile_that_reads_facts(fleet: Path) -> None:
    text = "from cookbook.audit import control as c\nnode.facts.version\n" + one("check('true')")
    more = 'with c("b", title="B", severity="low"):\n    check("true")\n'
    said = audit(write_profile(fleet / "p", text + more), "--limit", "db1")
    assert (said.status, said.out) == (1, "")
    assert "the control 'b' is not declared in a module of the profile" in said.err


def test_helper_modules_are_imported_and_not_run(fleet: Path) -> None:
    text = "from _shared import good\n" + one("good()")
    shared = "from cookbook.audit import check\ndef good():\n    check('true')\n"
    said = audit(write_profile(fleet / "p", text, _shared__py=shared))
    assert set(said.results()["a"].values()) == {"passed"}


TESTS = """
import pytest

def test_it(host):
    assert host.file("/etc/passwd").exists
    assert host.run("echo %s", "a b").stdout == "a b\\n"
    assert host.backend.get_hostname() {operator} "db1"

def test_who(host, of_the_profile):
    assert host.check_output("id -un")
"""


def test_tests_of_testinfra(fleet: Path) -> None:
    text = """
with control("good", title="A", severity="low", tests="test_good.py"):
    pass
with control("bad", title="B", severity="low", tests="test_bad.py"):
    check("true")
with control("broken", title="C", severity="low", tests="test_broken.py"):
    check("true")
with control("none", title="D", severity="low", tests="test_none.py"):
    check("true")
with control("away", title="E", severity="low", tests="test_bad.py", only_if="false"):
    check("true")
if node.name == "web1":
    with control("elsewhere", title="F", severity="low", tests="test_bad.py"):
        pass
"""
    profile = write_profile(
        fleet / "p",
        text,
        test_good__py=TESTS.format(operator="=="),
        test_bad__py=TESTS.format(operator="!="),
        test_broken__py="import no_such_module\n",
        test_none__py="x = 1\n",
        conftest__py="import pytest\n\n@pytest.fixture\ndef of_the_profile():\n    return 1\n",
    )
    (fleet / "conftest.py").write_text("raise RuntimeError('not of the profile')\n")
    said = audit(profile, "--limit", "db1")
    assert {id_: one["db1"] for id_, one in said.results().items()} == {
        "good": "passed",
        "bad": "failed",
        "broken": "error",
        "none": "error",
        "away": "not applicable",
        "elsewhere": "not applicable",
    }
    [reason] = said.reasons("bad", "db1")
    assert reason.startswith("test_it: AssertionError: assert 'db1' != 'db1'")
    assert "no_such_module" in said.reasons("broken", "db1")[0]
    assert said.reasons("none", "db1") == ["not judged: no test was run"]
    assert said.status == 3


@pytest.mark.parametrize("init", [False, True], ids=["folders", "packages"])
def test_files_of_the_same_name_are_tests_of_their_own(fleet: Path, *, init: bool) -> None:
    """In two folders, of a second profile, and of the name of a module that Python has loaded."""
    line = 'with control("{0}", title="A", severity="low", tests="{0}/{1}.py"):\n    pass\n'
    names = [("web", "test_site"), ("db", "test_site"), ("lib", "json")]
    for profile, right in (("p", "web"), ("q", "db")):
        folder = write_profile(fleet / profile, "".join(line.format(*name) for name in names))
        for place, file in names:
            (folder / place).mkdir()
            if init:
                (folder / place / "__init__.py").write_text("")
            fixture = f"import pytest\n\n@pytest.fixture\ndef here():\n    return {place!r}\n"
            (folder / place / "conftest.py").write_text(fixture)
            text = f"def test_it(here): assert (here, {right!r}) == ({place!r}, here)\n"
            (folder / place / f"{file}.py").write_text(text)
        said = audit(folder, "--limit", "db1")
        wrong = {place: {"db1": "failed"} for place, _ in names}
        assert said.results() == {**wrong, right: {"db1": "passed"}}
    assert sys.modules["json"] is json


def test_files_of_tests_have_helpers_of_their_own(fleet: Path) -> None:
    """From folders of the same names beside the profile, which the files add to sys.path."""
    line = 'with control("{0}", title="A", severity="low", tests="test_{0}.py"):\n    pass\n'
    profile = write_profile(fleet / "p", "".join(map(line.format, ("web", "db"))))
    for name in ("web", "db"):
        (fleet / name).mkdir()
        (fleet / name / "helpers.py").write_text(f"NAME = {name!r}\n")
        (profile / f"test_{name}.py").write_text(
            f"import sys\nsys.path.append({str(profile / '..' / name)!r})\n"
            f"from helpers import NAME\ndef test_it(): assert NAME == {name!r}\n"
        )
    before = list(sys.path)
    said = audit(profile, "--limit", "db1")
    assert said.results() == {"web": {"db1": "passed"}, "db": {"db1": "passed"}}
    assert sys.path == before


@pytest.mark.parametrize("case", NOT_JUDGED, ids=lambda case: case["what"])
def test_tests_that_judge_nothing(fleet: Path, case: dict[str, str]) -> None:
    profile = write_profile(fleet / "p", one("pass", ', tests="test_one.py"'))
    (profile / "test_one.py").write_text(case["text"])
    said = audit(profile, "--limit", "db1")
    assert said.results() == {"a": {"db1": "error"}}
    assert said.reasons("a", "db1") == [case["reason"]]
    assert said.status == 3


def test_an_interrupt_in_a_test_ends_the_audit(fleet: Path) -> None:
    text = "def test_it(): raise KeyboardInterrupt\n"
    profile = write_profile(fleet / "p", one("pass", ', tests="test_end.py"'), test_end__py=text)
    assert audit(profile, "--limit", "db1").status == 130
