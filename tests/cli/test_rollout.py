"""`cook rollout` on hosts that are all this machine: plan, start, saved plan, refusals."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from cookbook.applying.saved_plan import Application
from cookbook.cli import main
from cookbook.cli.prompt import Terminal
from cookbook.rollout.journal import Journal
from tests.cli.rollouts import HOSTS, RECIPE, ROLLOUT, cook, log, start, unfolded, versions

pytestmark = pytest.mark.slow  # whole runs of the program


def test_a_plan_touches_nothing_and_shows_order_limits_and_changes(
    fleet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = cook(capsys, "plan", "--hosts", "hosts.yml")

    assert status == 2, err
    lines = [line.strip() for line in out.splitlines()]
    assert lines[0] == "1. db: 1 host"
    assert "2. web: 2 hosts, after db" in lines
    assert "canary: h2" in lines
    assert "it stops if a host fails; then nothing is reverted" in lines
    assert any("directory[" in line for line in lines)
    assert versions(fleet) == [None] * 3
    assert not (fleet / "state/rollouts").exists()

    status, out, _ = cook(capsys, "plan", "--hosts", "hosts.yml", "--output", "json")
    document = json.loads(out)
    assert [stage["group"] for stage in document["stages"]] == ["db", "web"]
    assert document["plan"]["totals"]["changed"] == 6


def test_a_plan_tells_the_number_of_hosts_of_a_share_and_of_what_is_cut(
    fleet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("rollout.yml").write_text("groups: {web: {canary: 10%, batches: [70%]}, db: }")
    out = cook(capsys, "plan", "--hosts", "hosts.yml")[1]
    assert "   canary (10%: 1 of 2): h2" in out
    assert "   batch 2 (70%: 1 of 2): h3" in out

    Path("rollout.yml").write_text("groups: {web: {canary: 2, gate: manual}, db: }")
    out = cook(capsys, "plan", "--hosts", "hosts.yml", "--limit", "h2")[1]
    assert "   canary (2: 1 of 1): h2" in out
    assert "the gate is not asked: there is one batch" in out
    assert fleet.exists()


def test_a_rollout_drains_only_hosts_that_change(
    fleet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, told = start(capsys)
    assert (status, told["status"]) == (0, "done")
    assert versions(fleet) == ["1", "1", "1"]
    assert log(fleet) == ["drain h2", "enable h2", "drain h3", "enable h3"]

    assert start(capsys)[0] == 0
    assert log(fleet) == []
    page = (fleet / f"state/rollouts/{told['id']}/page.html").read_text()
    assert "Rollout " + told["id"] + ": done" in page


def test_a_failed_canary_is_reverted_and_the_rest_untouched(
    fleet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start(capsys)
    log(fleet)
    (fleet / "h2/bad").touch()
    Path("rollout.yml").write_text(
        ROLLOUT.replace("canary: 1", "canary: 1\n    healthy_deadline: 1s\n    auto_revert: batch")
    )

    status, told = start(capsys, "--set", "version=2")

    assert status == 3
    assert told["status"] == "revert-failed"  # it is not healthy after its undo either
    assert versions(fleet) == ["2", "1", "1"]
    assert log(fleet) == ["drain h2", "drain h2"]
    assert told["hosts"]["h2"]["in_service"] is False
    (fleet / "h2/bad").unlink()
    assert cook(capsys, "revert", "last")[0] == 0
    assert versions(fleet) == ["1", "1", "1"]


def test_a_saved_plan_is_applied_exactly(fleet: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cook(capsys, "plan", "--hosts", "hosts.yml", "-o", "plan.json")[0] == 2
    Path("r.py").write_text(RECIPE.replace('node.vars["version"]', "7"))

    status, told = start(capsys, "--plan", "plan.json")

    assert (status, told["status"]) == (0, "done")
    assert versions(fleet) == ["1", "1", "1"]
    assert log(fleet) == ["drain h2", "enable h2", "drain h3", "enable h3"]


def test_a_saved_plan_that_does_not_fit_any_more_stops_at_its_host(
    fleet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start(capsys)
    cook(capsys, "plan", "--hosts", "hosts.yml", "--set", "version=2", "-o", "plan.json")
    (fleet / "h2/version").write_text("changed by hand")

    status, told = start(capsys, "--plan", "plan.json")

    assert (status, told["status"]) == (3, "stopped")
    assert versions(fleet) == ["2", "changed by hand", "1"]
    assert {host: one["phase"] for host, one in told["hosts"].items()} == {
        "h1": "done",
        "h2": "failed",
        "h3": "waiting",
    }


def test_a_host_that_was_left_out_of_service_is_told_and_put_back_by_the_next_rollout(
    fleet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("rollout.yml").write_text(ROLLOUT.replace("canary: 1", "healthy_deadline: 0.5s"))
    (fleet / "h2").mkdir()
    (fleet / "h2/bad").touch()
    status, told = start(capsys)
    assert status == 3
    assert "; it is out of service" in unfolded(told["err"])
    assert told["hosts"]["h2"]["in_service"] is False
    assert "; it is out of service" in unfolded(cook(capsys, "status", "last")[1])
    (fleet / "h2/bad").unlink()
    assert main(["converge", "--hosts", "hosts.yml"]) == 0  # now it is in line, and still drained
    capsys.readouterr()
    log(fleet)

    status, told = start(capsys)

    assert status == 0
    assert log(fleet) == ["enable h2"]
    assert told["hosts"]["h2"]["in_service"] is True
    assert start(capsys)[0] == 0
    assert log(fleet) == []


def test_one_rollout_at_a_time_works_on_a_host_and_an_old_one_is_not_resumed(
    fleet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("rollout.yml").write_text(ROLLOUT.replace("canary: 1", "healthy_deadline: 0.5s"))
    (fleet / "h2").mkdir()
    (fleet / "h2/bad").touch()
    old = start(capsys)[1]["id"]
    (fleet / "h2/bad").unlink()
    with Journal.open(old).controlling():
        status, _, err = cook(capsys, "start", "--hosts", "hosts.yml", "--yes")
        assert status == 1
        assert f"the rollout {old} is at work on h1" in err
    new = start(capsys)[1]["id"]

    status, _, err = cook(capsys, "resume", old)
    assert status == 1
    assert f"the later rollout {new} was about the same hosts" in err


CHECK = """\
from cookbook.recipe import node
from cookbook.resources import execute, file
file(f"{node.vars['dir']}/seen", content="x", mode="0644", tags=["never"])
"""


def test_a_health_check_by_recipe_applies_nothing_and_looks_at_all_of_it(
    fleet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither the saved plan of the rollout, nor its choice of resources, belongs to the check."""
    Path("check.py").write_text(CHECK)
    Path("rollout.yml").write_text(
        "defaults: {healthy_deadline: 0.5s, health_check: {recipe: check.py}}\n"
        "groups: {db: , web: }\n"
    )
    assert cook(capsys, "plan", "--hosts", "hosts.yml", "-o", "plan.json")[0] == 2
    applied: list[str] = []
    real = Application.steps

    def steps(self: Application) -> Any:
        applied.append("once")
        return real(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Application, "steps", steps)
        status, told = start(capsys, "--plan", "plan.json")

    assert (status, told["status"]) == (3, "stopped")
    assert told["stopped"].startswith("h1 failed")
    assert told["hosts"]["h1"]["reason"] == "not healthy: check.py: file[{}]".format(
        fleet / "h1/seen"
    )
    assert applied == ["once"]
    assert not (fleet / "h1/seen").exists()

    for name in ("h2", "h3"):
        (fleet / name).mkdir(exist_ok=True)
    former = told["id"]
    status, told = start(capsys, "--only", "file[*/version]")
    assert told["id"] != former
    assert "check.py: file[" in told["hosts"]["h1"]["reason"]


def test_a_run_that_cannot_be_recorded_stops_the_rollout(
    fleet: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cookbook.history.journal._create", full)

    status, told = start(capsys)

    assert (status, told["status"]) == (3, "stopped")
    assert "its run is not in the history" in told["hosts"]["h1"]["reason"]
    assert versions(fleet) == ["1", None, None]


@pytest.mark.parametrize("answer", ["y", "n"])
def test_what_was_approved_at_a_terminal_is_all_that_is_done(
    fleet: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    start(capsys)
    asked: list[str] = []

    def ask(_terminal: Terminal, question: str) -> str:
        asked.append(question)
        (fleet / "h3/version").write_text("by hand, after the plan was shown")
        return answer

    monkeypatch.setattr(Terminal, "ask", ask)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)

    status, _, err = cook(capsys, "start", "--hosts", "hosts.yml", "--set", "version=2")

    assert asked == ["Carry this out? [y/N]"]
    if answer == "n":
        assert status == 2
        assert versions(fleet)[:2] == ["1", "1"]
        return
    assert status == 3
    assert versions(fleet) == ["2", "2", "by hand, after the plan was shown"]
    assert "approved was" in unfolded(err)
    # It goes on only if it is approved again.
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    status, _, err = cook(capsys, "resume", "last")
    assert status == 1
    assert "there is no terminal on which to ask" in err
    assert cook(capsys, "resume", "last", "--yes")[0] == 0
    assert versions(fleet) == ["2", "2", "2"]


def test_a_policy_sees_the_plan_and_what_is_left_at_a_resume(
    fleet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("rules.yml").write_text('forbid: [{resource: "file[*/h3/*]", reason: not there}]\n')
    words = ("--review", "rules.yml")
    status, out, _ = cook(capsys, "start", "--hosts", "hosts.yml", "--yes", *words)
    assert status == 3
    assert "objection: rules.yml:1: file[" in out
    assert versions(fleet) == [None] * 3

    Path("rules.yml").write_text("forbid: []\n")
    Path("rollout.yml").write_text(
        ROLLOUT.replace("canary: 1", "batches: [1]\n    healthy_deadline: 0.5s")
    )
    (fleet / "h2").mkdir()
    (fleet / "h2/bad").touch()
    assert start(capsys, *words)[1]["status"] == "stopped"
    (fleet / "h2/bad").unlink()
    Path("rules.yml").write_text('forbid: [{resource: "file[*/h3/*]", reason: not there}]\n')

    status, out, _ = cook(capsys, "resume", "last")

    assert status == 3
    assert "rules.yml:1: file[" in out
    assert versions(fleet)[2] is None


def test_a_rollout_goes_on_from_another_folder_and_another_checkout(
    fleet: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = ROLLOUT.replace("canary: 1", "healthy_deadline: 0.5s")
    Path("rollout.yml").write_text(text.replace("[sh, -c,", "[./act, -c,"))
    Path("act").write_text('#!/bin/sh\nexec sh "$@"\n')
    Path("act").chmod(0o755)
    (fleet / "h2").mkdir()
    (fleet / "h2/bad").touch()
    assert start(capsys)[1]["status"] == "stopped"
    (fleet / "h2/bad").unlink()
    (fleet / "checkout").mkdir()
    for name in ("hosts.yml", "r.py", "rollout.yml", "act"):
        shutil.move(fleet / name, fleet / "checkout" / name)
    (fleet / "elsewhere").mkdir()
    monkeypatch.chdir(fleet / "elsewhere")

    assert "cannot be read" in cook(capsys, "resume", "last")[2]
    status, _, err = cook(capsys, "resume", "last", "--hosts", "../checkout/hosts.yml")

    assert status == 0, err
    assert versions(fleet) == ["1", "1", "1"]


def test_an_old_rollout_that_cannot_be_read_stops_no_new_one(
    fleet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = start(capsys)[1]["id"]
    with (fleet / f"state/rollouts/{old}/journal.jsonl").open("a") as file:
        file.write('{"event": "Nonsense", "at": 1}\n')

    status, _, err = cook(capsys, "start", "--hosts", "hosts.yml", "--yes", "--set", "version=2")

    assert status == 0
    assert f"the rollout {old} cannot be read" in err
    assert versions(fleet) == ["2", "2", "2"]


def test_a_terminal_shows_a_table_while_it_goes(
    fleet: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1")

    status, _, err = cook(capsys, "start", "--hosts", "hosts.yml", "--yes")

    assert status == 0
    assert versions(fleet) == ["1", "1", "1"]
    assert "> db: 1 w" in err
    assert "> web: " in err


def test_the_output_is_one_document(fleet: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = cook(capsys, "start", "--hosts", "hosts.yml", "--yes", "--output", "json")

    assert status == 0
    document = json.loads(out)
    assert (document["status"], document["gate"]) == ("done", None)
    assert versions(fleet) == ["1", "1", "1"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--local"], "a rollout needs an inventory with groups"),
        (["--hosts", "hosts.yml", "--set", "db_password=x"], "the journal of a rollout would keep"),
        (["--hosts", "hosts.yml", "--rollout", "none.yml"], "none.yml: cannot be read"),
        (["--hosts", "hosts.yml", "--plan", "p.json", "r.py"], "a saved plan has all of that"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_done(
    fleet: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    status, _, err = cook(capsys, "start", "--yes", *words)

    assert status == 1
    assert said in err
    assert versions(fleet) == [None] * 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (ROLLOUT.replace("{vars[dir]}", "{vars[dri]}"), "cannot be filled in for host h2"),
        (
            ROLLOUT.replace("[sh, -c, 'echo \"$COOK_DO $COOK_HOST\" >>log']}", "x}", 1).replace(
                "drain: {hook: x}", "drain: {command: {run: x, hosts: lb}}"
            ),
            "hosts: 'lb' is no host and no group",
        ),
        (ROLLOUT.replace("sh, -c", "nope, -c", 1), "hook: there is no program nope"),
        (ROLLOUT.replace("canary: 1", "min_healthy: 80%"), "min_healthy: 80% of 2 hosts: none"),
        (ROLLOUT.replace("canary: 1", "min_healthy: 9"), "min_healthy: 9 of 2 hosts: none"),
        (ROLLOUT.replace("canary: 1", "stagger: 9m\n    progress_deadline: 5m"), "is not below"),
        (ROLLOUT.replace("canary: 1", "canary: 3"), "canary: 3, but the group has 2 hosts"),
        (ROLLOUT.replace("canary: 1", "spread: rack"), "no host of the group has the variable"),
        ("groups: {wbe: }", "the inventory has no group 'wbe'; did you mean 'web'?"),
    ],
)
def test_a_strategy_that_does_not_fit_the_hosts_is_refused(
    fleet: Path, capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    Path("rollout.yml").write_text(text)

    status, _, err = cook(capsys, "start", "--hosts", "hosts.yml", "--yes")

    assert status == 1
    assert "rollout.yml:" in err
    assert said in err.replace("\n      next: ", "; ")
    assert versions(fleet) == [None] * 3


ONCE = {
    "run_once": "with run_once():\n    directory(node.vars['dir'])\n",
    "barrier": "barrier('installed')\n",
}

WHY = {
    "run_once": "without `on` is done by the first host of a run",
    "barrier": "has hosts wait for one another",
}


@pytest.mark.parametrize("kind", ONCE)
def test_hosts_that_would_wait_for_one_another_are_refused(
    fleet: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    head = f"from cookbook.recipe import {kind}, node\nfrom cookbook.resources import directory\n"
    Path("r.py").write_text(f"{head}{ONCE[kind]}")

    status, _, err = cook(capsys, "start", "--hosts", "hosts.yml", "--yes")

    assert status == 1
    assert f"r.py:3: `{kind}` {WHY[kind]}" in unfolded(err)
    assert "move what is done once into a recipe of its own" in unfolded(err)
    assert versions(fleet) == [None] * 3


def test_a_recipe_that_was_changed_so_meanwhile_fails_its_host(
    fleet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("rollout.yml").write_text(ROLLOUT.replace("canary: 1", "healthy_deadline: 0.5s"))
    (fleet / "h2").mkdir()
    (fleet / "h2/bad").touch()
    assert start(capsys)[1]["status"] == "stopped"
    once = "from cookbook.recipe import run_once\nwith run_once():\n"
    Path("r.py").write_text(f"{RECIPE}{once}    file(node.vars['dir'] + '/x')\n")

    status, _, err = cook(capsys, "resume", "last", "--other-recipes", "--yes")

    assert status == 3
    assert "`run_once` without `on` is done by the first host of a run" in unfolded(err)


BLOCK = """\
from cookbook.recipe import node, run_once
from cookbook.resources import directory, execute, file
with run_once("schema", on="h2"):
    execute(f"echo {node.name} >>once")
directory(node.vars["dir"])
file(f"{node.vars['dir']}/version", content=str(node.vars["version"]))
"""


def test_a_block_of_a_host_in_an_earlier_batch_is_done_once(
    fleet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("hosts.yml").write_text(
        HOSTS.format(here=fleet).replace(
            "db: {hosts: [h1], rec", "db: {hosts: [h1], recipes: []}\n  x: {hosts: [], rec"
        )
    )
    Path("rollout.yml").write_text("groups:\n  web: {canary: 1}\n")
    Path("r.py").write_text(BLOCK.replace(">>once", f">>{fleet}/once"))

    status, told = start(capsys)

    assert status == 0, told
    assert (fleet / "once").read_text() == "h2\n"
    assert versions(fleet) == [None, "1", "1"]

    assert main(["undo", "last", "--hosts", "hosts.yml", "--yes"]) == 0, capsys.readouterr().err
    assert versions(fleet) == [None, "1", None]


def test_the_others_do_not_go_on_if_the_host_of_the_block_has_failed(
    fleet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("rollout.yml").write_text(
        "max_failures: 9\ngroups:\n  web: {batches: [1], max_failures: 9}\n"
    )
    Path("r.py").write_text(BLOCK.replace("echo {node.name} >>once", "exit 1"))

    status, told = start(capsys, "--limit", "web")

    assert status == 3
    assert "is to be done on h2 before, which this rollout has not completed" in str(told)
    assert versions(fleet) == [None] * 3


@pytest.mark.parametrize(
    ("strategy", "on", "said"),
    [
        ("{}", "h2", "done on h2, which does not come in a batch before that of h3"),
        ("{canary: 1}", "h3", "done on h3, which does not come in a batch before that of h2"),
        ("{canary: 1}", "h1", "run_once: the host h1 is not in this run"),
    ],
)
def test_a_block_of_a_host_that_does_not_come_before_is_refused(
    fleet: Path, capsys: pytest.CaptureFixture[str], strategy: str, on: str, said: str
) -> None:
    Path("rollout.yml").write_text(f"groups:\n  web: {strategy}\n")
    Path("r.py").write_text(BLOCK.replace('on="h2"', f'on="{on}"'))

    status, _, err = cook(capsys, "start", "--hosts", "hosts.yml", "--yes")

    assert status == 1
    assert said in unfolded(err)
    assert versions(fleet) == [None] * 3


def test_a_strategy_may_stand_in_the_group(fleet: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = HOSTS.format(here=fleet).replace("web: {", "web: {rollout: {canary: 1}, ")
    Path("hosts.yml").write_text(text)
    assert "keep one of the two" in cook(capsys, "plan", "--hosts", "hosts.yml")[2]
    Path("rollout.yml").unlink()

    status, out, _ = cook(capsys, "plan", "--hosts", "hosts.yml")

    assert status == 2
    assert "in no group of the rollout, left out: h1" in out


def test_recipes_that_have_changed_are_not_gone_on_with(
    fleet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (fleet / "h2").mkdir()
    (fleet / "h2/bad").touch()
    Path("rollout.yml").write_text(ROLLOUT.replace("canary: 1", "healthy_deadline: 0.5s"))
    assert start(capsys)[1]["status"] == "stopped"
    (fleet / "h2/bad").unlink()
    Path("r.py").write_text(RECIPE + "# edited\n")

    status, _, err = cook(capsys, "resume", "last")
    assert status == 1
    assert "these files have changed since it began: r.py" in err
    status, _, err = cook(capsys, "resume", "last", "--other-recipes")
    assert status == 0, err
    assert versions(fleet) == ["1", "1", "1"]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("promote", "waits at no gate"),
        ("pause", "is over: it is done"),
        ("abort", "is over: it is done"),
        ("resume", "is over: it is done"),
    ],
)
def test_a_command_that_makes_no_sense_is_refused(
    fleet: Path, capsys: pytest.CaptureFixture[str], command: str, said: str
) -> None:
    start(capsys)

    status, _, err = cook(capsys, command, "last")

    assert status == 1
    assert said in err
    assert fleet.exists()
