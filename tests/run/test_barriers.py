"""Hosts that wait for one another: what one does for all, and where all must have come."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cookbook.approval.planfile import load
from cookbook.cli import main
from cookbook.errors import BarrierBroken, DeadlineExceeded, Refused, Unreachable
from cookbook.inventory import Host
from cookbook.language.sections import Barrier
from cookbook.run.meetings import HostMeetings, Meetings
from cookbook.run.turns import Turns
from cookbook.transport.local import LocalTransport
from tests.waiting import eventually

pytestmark = pytest.mark.slow  # whole runs of the program

HEADING = """from cookbook.recipe import *
from cookbook.resources import *
N, D = node.vars["n"], node.vars["dir"]
def log(what, **more):
    execute(what, command=f"echo {node.name} {what} >>ROOT/log", **more)
"""

Runs = Callable[..., tuple[int, Any]]


@pytest.fixture
def runs(
    many_machines: None,  # noqa: ARG001 - each host is one
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Runs:
    """Run a recipe on hosts h1 to h3 that are all this machine."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COOK_STATE", str(tmp_path / "state"))
    lines = [f"  h{i}: {{vars: {{dir: {tmp_path}/h{i}, n: {i}}}}}" for i in range(1, 4)]
    Path("hosts.yml").write_text("defaults: {transport: local}\nhosts:\n" + "\n".join(lines) + "\n")

    def run(recipe: str | None, *words: str, command: str = "converge") -> tuple[int, Any]:
        given = [*words, "--hosts", "hosts.yml", "--output", "json"]
        if recipe is not None:
            Path("r.py").write_text(HEADING.replace("ROOT", str(tmp_path)) + recipe)
            given = ["r.py", *given]
        status = main([command, *given])
        said = capsys.readouterr()
        return status, json.loads(said.out) if said.out else said.err

    return run


def log() -> list[str]:
    path = Path("log")
    return path.read_text().splitlines() if path.exists() else []


def states(document: Any) -> list[str]:
    return [host["status"] for host in document["hosts"].values()]


def notes(document: Any) -> dict[str, str]:
    return {
        name: resource["note"]
        for name, host in document["hosts"].items()
        for resource in host["resources"]
        if resource["id"].startswith("run_once[")
    }


ONCE = """
log("before")
with run_once():
    log("once")
log("after")
"""


@pytest.mark.parametrize("forks", ["1", "2", "50"])
def test_one_host_does_it_for_all_and_the_others_wait(runs: Runs, forks: str) -> None:
    """With --forks 1, too: a host that waits lets another one have its turn."""
    status, document = runs(ONCE, "--forks", forks)

    assert status == 0
    assert states(document) == ["changed"] * 3
    assert [line for line in log() if line.endswith("once")] == ["h1 once"]
    assert sorted(line for line in log() if line.endswith("after")) == [
        "h1 after",
        "h2 after",
        "h3 after",
    ]
    assert log().index("h1 once") < min(log().index(f"h{n} after") for n in (1, 2, 3))
    assert notes(document) == {"h1": None, "h2": "done once, on h1", "h3": "done once, on h1"}


def test_it_may_be_another_host(runs: Runs) -> None:
    _, document = runs(ONCE.replace("run_once()", "run_once(on='h3')"), "--forks", "1")

    assert [line for line in log() if line.endswith("once")] == ["h3 once"]
    assert notes(document)["h1"] == "done once, on h3"


@pytest.mark.parametrize("command", ["converge", "plan"])
def test_a_host_that_does_not_declare_the_block_it_is_to_do_is_an_error(
    runs: Runs, command: str
) -> None:
    recipe = "if N != 3:\n    with run_once('x', on='h3'):\n        log('once')\n"
    status, said = runs(recipe, command=command)

    assert status == 1
    assert "r.py:7: run_once[x] is to be done on h3, whose recipe does not declare it" in said
    assert not log()


def test_what_is_known_only_with_facts_is_told_then(runs: Runs) -> None:
    recipe = (
        "node.facts.kernel\nif N != 3:\n    with run_once('x', on='h3'):\n        log('once')\n"
    )
    status, document = runs(recipe)

    assert status == 3
    assert "whose recipe does not declare it" in json.dumps(document)
    assert not log()


def test_the_first_is_the_first_that_declares_it(runs: Runs) -> None:
    """Also if that is known only when facts are."""
    recipe = "node.facts.kernel\nif N > 1:\n    with run_once('x'):\n        log('once')\n"
    _, document = runs(recipe)

    assert log() == ["h2 once"]
    assert notes(document) == {"h2": None, "h3": "done once, on h2"}


def test_with_a_limit_it_is_the_first_of_the_run(runs: Runs) -> None:
    runs(ONCE, "--limit", "h2,h3")

    assert "h2 once" in log()


@pytest.mark.parametrize("forks", ["1", "50"])
def test_no_host_goes_on_before_all_have_come(runs: Runs, forks: str) -> None:
    recipe = "log('before')\nbarrier('met')\nlog('after')\n"
    status, _ = runs(recipe, "--forks", forks)

    assert status == 0
    assert [line.split()[1] for line in log()] == ["before"] * 3 + ["after"] * 3


def test_only_those_wait_that_declare_it(runs: Runs) -> None:
    recipe = (
        "if N < 3:\n    log('before')\n    barrier('met')\n    log('after')\nelse:\n    log('x')"
    )
    status, _ = runs(recipe, "--forks", "1")

    assert status == 0
    assert len(log()) == 5


@pytest.mark.parametrize("where", ["once", "before"])
def test_a_failure_before_it_is_done_stops_the_others(runs: Runs, where: str) -> None:
    bad = 'execute("bad", command="exit 7")'
    recipe = ONCE.replace(f'log("{where}")', f'log("{where}") if N > 1 else {bad}')
    status, document = runs(recipe)

    assert status == 3
    assert states(document) == ["failed"] * 3
    assert not [line for line in log() if "after" in line]
    [error] = [r["error"] for r in document["hosts"]["h2"]["resources"] if r["error"]]
    assert error["code"] == "barrier-broken"
    assert "was not done on h1: execute[bad]" in error["message"]
    assert [r["id"] for r in document["hosts"]["h3"]["resources"] if r["status"] == "not-run"]


def test_a_host_that_fails_before_a_barrier_breaks_it(runs: Runs) -> None:
    recipe = (
        "execute('x', command='exit 7') if N == 2 else log('a')\nbarrier('met')\nlog('after')\n"
    )
    status, document = runs(recipe, "--forks", "1")

    assert status == 3
    assert sorted(log()) == ["h1 a", "h3 a"]
    [error] = [r["error"] for r in document["hosts"]["h1"]["resources"] if r["error"]]
    assert error["message"].startswith("barrier[met] was not reached on h2: execute[x]")


def test_so_does_one_that_cannot_be_reached(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    away(monkeypatch, "h2")
    status, document = runs("log('a')\nbarrier('met')\nlog('after')\n")

    assert (status, states(document)) == (3, ["failed", "unreachable", "failed"])
    [error] = [r["error"] for r in document["hosts"]["h3"]["resources"] if r["error"]]
    assert error["message"] == "barrier[met] was not reached on h2: no route to host"
    assert sorted(log()) == ["h1 a", "h3 a"]
    assert runs("log('a')\nbarrier('met')\n", "--limit", "*,!h2")[0] == 0


def test_an_ignored_failure_is_none(runs: Runs) -> None:
    recipe = "with run_once():\n    execute('exit 7', ignore_failure=True)\nlog('after')\n"

    assert runs(recipe)[0] == 0
    assert len(log()) == 3


def test_an_attempt_handles_a_barrier_that_is_broken(runs: Runs) -> None:
    recipe = """
with attempt("x") as x:
    execute("x", command="exit 7") if N == 1 else log("a")
    barrier("met")
    log("after")
with x.rescue():
    log("rescued")
"""
    status, _ = runs(recipe)

    assert status == 0
    assert sorted(log()) == ["h1 rescued", "h2 a", "h2 rescued", "h3 a", "h3 rescued"]


def test_with_keep_going_nothing_after_a_broken_barrier_is_done(runs: Runs) -> None:
    recipe = (
        "file(D, content='x')\n"
        "file('/proc/no/such', content='x') if N == 1 else None\n"
        "barrier('met')\nfile(f'{D}.after', content='x')\n"
    )
    status, document = runs(recipe, "--keep-going")

    assert (status, states(document)) == (3, ["failed"] * 3)
    assert not list(Path().glob("*.after"))


def test_what_another_host_does_is_no_orphan_and_is_not_notified(runs: Runs) -> None:
    recipe = """
with run_once():
    file(f"ROOT/{node.name}-once", content="x", action="create")
    execute("told", command=f"echo {node.name} told >>ROOT/log", action="nothing")
file(D, content="x", notifies=[delayed("run", "execute[told]")])
""".replace("ROOT", str(Path.cwd()))
    runs(recipe, "--limit", "h2")
    assert log() == ["h2 told"]
    status, document = runs(recipe, "--prune")

    assert status == 0
    assert log() == ["h2 told", "h1 told"]
    assert Path("h2-once").exists()
    assert "orphaned" not in json.dumps(document["hosts"]["h2"])


def test_a_plan_shows_it_on_the_one_host(runs: Runs) -> None:
    status, document = runs(ONCE, command="plan")

    assert status == 2
    assert not log()
    told = {name: [r["id"] for r in host["resources"]] for name, host in document["hosts"].items()}
    assert told["h1"] == [
        "execute[before]",
        "execute[once]",
        "run_once[r.py:8]",
        "execute[after]",
    ]
    assert told["h2"] == told["h3"] == ["execute[before]", "run_once[r.py:8]", "execute[after]"]
    assert notes(document)["h2"] == "done once, on h1"


def test_a_saved_plan_keeps_the_order(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = ONCE.replace("run_once()", "run_once(on='h3')") + "barrier('met')\nlog('end')\n"
    runs(recipe, "-o", "plan.json", command="plan")
    main(["show", "plan.json"])
    assert "done once" not in capsys.readouterr().err
    status, document = runs(None, "plan.json", "--forks", "1", command="apply")

    assert status == 0
    said = [line.split()[1] for line in log()]
    assert [line for line in log() if line.endswith("once")] == ["h3 once"]
    assert said.index("once") < said.index("after")
    assert said[-3:] == ["end"] * 3
    assert notes(document)["h1"] == "done once, on h3"


def test_a_saved_plan_needs_the_host_that_does_it(runs: Runs) -> None:
    runs(ONCE, "-o", "plan.json", command="plan")
    status, said = runs(None, "plan.json", "--limit", "h2", command="apply")

    assert status == 1
    assert "run_once[r.py:8] is done on h1, which is not in this run" in said
    assert not log()


def test_an_undo_waits_in_the_reverse_order(runs: Runs) -> None:
    recipe = """
file(f"{D}.1", content="x", mode="0644")
with run_once(on="h2"):
    file(f"{D}.once", content="x", mode="0644")
file(f"{D}.2", content="x", mode="0644")
"""
    _, done = runs(recipe)
    assert len(list(Path().glob("h[0-9].*"))) == 7
    status, document = runs(None, done["run"], "--yes", "--forks", "1", command="undo")

    assert status == 0
    assert not list(Path().glob("h[0-9].*"))
    order = [
        (resource["began"] + resource["seconds"], resource["id"].rpartition(".")[2])
        for host in document["hosts"].values()
        for resource in host["resources"]
        if resource["id"].startswith("file")
    ]
    assert [what for _, what in sorted(order)][:3] == ["2]"] * 3


def test_tags_leave_the_order_alone(runs: Runs) -> None:
    recipe = ONCE.replace("log('once')", "log('once', tags=['x'])").replace(
        'log("once")', 'log("once", tags=["x"])'
    )
    _, document = runs(recipe, "--tags", "x")

    assert log() == ["h1 once"]
    assert states(document) == ["changed", "ok", "ok"]


def test_what_is_in_line_is_asked_once(runs: Runs) -> None:
    """A barrier costs an exchange only if something was changed anywhere."""
    recipe = "file(D, content='x', mode='0644')\nbarrier('met')\nfile(f'{D}.2', content='x')\n"
    runs(recipe)
    _, document = runs(recipe)

    assert {host["exchanges"] for host in document["hosts"].values()} == {1}


@pytest.mark.parametrize("before", ["", "node.facts.kernel\n"], ids=["of no fact", "by a fact"])
def test_what_another_host_does_is_asked_there_only(runs: Runs, before: str) -> None:
    """Also if the hosts are known, and asked for their states together with their facts."""
    guard = "only_if=f'echo {node.name} >>{D[:-2]}asked'"
    recipe = f"{before}with run_once():\n    execute('x', command='true', {guard})\n"
    for _ in range(2):
        assert runs(recipe, command="plan")[0] == 2

    assert Path("asked").read_text() == "h1\n" * 2


def test_what_comes_after_is_decided_by_new_answers(runs: Runs) -> None:
    """All hosts see one file here, as they would see one database."""
    recipe = f"""
with run_once():
    file("{Path.cwd()}/shared", content="x", mode="0644")
log("after", only_if="test -e {Path.cwd()}/shared")
"""
    runs(recipe)

    assert len(log()) == 3


@pytest.mark.usefixtures("runs")
def test_an_interrupt_ends_the_waiting(tmp_path: Path) -> None:
    recipe = (
        HEADING.replace("ROOT", str(tmp_path))
        + "log('a')\n"
        + (
            "execute('slow', command='touch begun; sleep 30') if N == 1 else None\n"
            "barrier('met')\nlog('after')\n"
        ).replace("begun", f"{tmp_path}/begun")
    )
    Path("r.py").write_text(recipe)
    code = (
        "from cookbook.transport.local import LocalTransport\n"
        "import cookbook.run.runner as r, cookbook.run.host_run as h, cookbook.cli, sys\n"
        f"home = 'COOK_HOME={tmp_path}/.'\n"
        "r.connect = lambda host, *_: LocalTransport(('env', home + host.name, 'sh'))\n"
        "h.HostRun._only_once = lambda *_: None\n"
        "sys.exit(cookbook.cli.main(sys.argv[1:]))\n"
    )
    words = ["converge", "r.py", "--hosts", "hosts.yml", "--output", "json"]
    with (tmp_path / "said").open("w") as said:
        run = subprocess.Popen(
            [sys.executable, "-c", code, *words],
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )
    eventually(lambda: (tmp_path / "begun").exists() and len(log()) == 3)
    run.send_signal(signal.SIGINT)
    # A second signal before Python has handled the first one would be one with it.
    eventually(lambda: "stopping after the resource" in (tmp_path / "said").read_text())
    run.send_signal(signal.SIGINT)
    out, _ = run.communicate(timeout=60)
    errors = (tmp_path / "said").read_text()

    assert run.returncode == 130, errors
    assert states(json.loads(out))[1:] == ["interrupted"] * 2
    assert len(log()) == 3


def test_the_time_of_the_run_ends_the_waiting_that_of_a_host_does_not(runs: Runs) -> None:
    """The first host waits for longer than it may work, each other one works for half of that."""
    recipe = "execute('s', command='sleep 6') if N > 1 else None\nbarrier('met')\nlog('after')\n"
    assert runs(recipe, "--host-timeout", "11s", "--forks", "1")[0] == 0
    assert len(log()) == 3
    begun = time.monotonic()
    status, document = runs(recipe.replace("sleep 6", "sleep 200"), "--timeout", "1s")

    assert time.monotonic() - begun < 100
    assert status == 3
    assert set(states(document)) <= {"timeout", "failed"}
    assert len(log()) == 3


def away(monkeypatch: pytest.MonkeyPatch, name: str, times: int = 0) -> None:
    """Let a host be unreachable, after it was reached so often; the others are this machine."""
    reached = [0]

    def connect(host: Host, *_: Any) -> Any:
        reached[0] += host.name == name
        if host.name == name and reached[0] > times:
            raise Unreachable("no route to host")
        return LocalTransport(("env", f"COOK_HOME={Path.cwd()}/.{host.name}", "sh"))

    monkeypatch.setattr("cookbook.run.runner.connect", connect)


def errors(document: Any, host: str) -> list[str]:
    return [r["error"]["message"] for r in document["hosts"][host]["resources"] if r["error"]]


MET = "log('a')\nbarrier('met')\nlog('after')\n"


def test_a_saved_plan_does_not_wait_for_a_host_that_cannot_be_reached(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such a host is not put off to the end of the run: the others would wait for it until then."""
    runs(MET, "-o", "plan.json", command="plan")
    away(monkeypatch, "h2")
    status, document = runs(None, "plan.json", "--timeout", "90s", command="apply")

    assert (status, states(document)) == (3, ["failed", "unreachable", "failed"])
    assert errors(document, "h3") == ["barrier[met] was not reached on h2: no route to host"]
    assert sorted(log()) == ["h1 a", "h3 a"]


def test_nor_does_an_undo(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = "file(f'{D}.1', content='x')\nbarrier('met')\nfile(f'{D}.2', content='x')\n"
    _, done = runs(recipe)
    away(monkeypatch, "h2", 1)  # the undo is shown before it is done
    _, document = runs(None, done["run"], "--yes", "--timeout", "90s", command="undo")

    assert states(document) == ["failed", "unreachable", "failed"]
    assert len(list(Path().glob("h[13].1"))) == 2


def test_a_circle_is_found_though_a_host_is_put_off(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = "if N < 3:\n    for name in ('ab' if N == 1 else 'ba'):\n        barrier(name)\n"
    away(monkeypatch, "h3")
    _, document = runs(recipe + "else:\n    log('x')\n", "--timeout", "90s")

    assert states(document) == ["failed", "failed", "unreachable"]
    assert any("wait for one another" in one for h in "12" for one in errors(document, f"h{h}"))


def test_what_comes_after_an_attempt_that_left_out_a_barrier_is_done(runs: Runs) -> None:
    """The other hosts hear of it at once: what comes next may be a barrier as well."""
    recipe = """
with attempt("x") as x:
    execute("x", command="exit 7") if N == 1 else log("a")
    barrier("met")
    log("after")
with x.rescue():
    log("rescued")
barrier("end")
log("last")
"""
    status, document = runs(recipe, "--timeout", "90s")

    assert (status, states(document)) == (0, ["changed"] * 3)
    assert [line.split()[1] for line in log()[-3:]] == ["last"] * 3
    assert errors(document, "h2")[0].startswith("barrier[met] was not reached on h1: execute[x]: ")


def test_a_barrier_of_a_rescue_that_is_skipped_is_broken_at_once(runs: Runs) -> None:
    recipe = """
with attempt("x") as x:
    execute("x", command="exit 7") if N == 1 else log("a")
with x.rescue():
    barrier("met")
    log("rescued")
barrier("end")
"""
    _, document = runs(recipe, "--timeout", "90s")

    [_, said] = errors(document, "h1")
    where = "barrier[met] was not reached on {}: the attempt 'x' has not failed"
    assert said in (where.format("h2"), where.format("h3"))  # both skip it
    assert states(document) == ["failed"] * 3


def test_with_keep_going_an_attempt_handles_a_broken_barrier(runs: Runs) -> None:
    recipe = """
with attempt("x") as x:
    execute("x", command="exit 7") if N == 1 else log("a")
    barrier("met")
with x.rescue():
    log("rescued")
log("last")
"""
    status, _ = runs(recipe, "--keep-going", "--timeout", "90s")

    assert status == 0
    assert sorted(line for line in log() if "last" in line) == ["h1 last", "h2 last", "h3 last"]


WHILE_OTHERS_WAIT = "execute('s', command='until [ -e ROOT/over ]; do sleep 0.1; done; exit 7')"
"""The work of the first host while the other ones wait at the barrier, to which it never comes."""


def late_at_barriers(monkeypatch: pytest.MonkeyPatch, hosts: int) -> None:
    """Let the time of the run be over when a host waits; when so many have, the first goes on."""
    waited: set[str] = set()
    meet = Meetings.meet

    def late(
        made: Meetings, host: str, barrier: Barrier, turns: Turns, end: float | None
    ) -> object:
        assert end is not None
        try:
            return meet(made, host, barrier, turns, 0.0)
        except DeadlineExceeded:
            waited.add(host)
            if len(waited) == hosts:
                Path("over").touch()
            raise

    monkeypatch.setattr(Meetings, "meet", late)


def test_the_end_of_the_time_at_a_barrier_is_a_timeout(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As anywhere else: what is left is not run, notifications are not, either."""
    recipe = (
        f"if N == 1:\n    {WHILE_OTHERS_WAIT}\n"
        "else:\n    file(D, content='x', notifies=[delayed('run', 'execute[told]')])\n"
        "    log('told', action='nothing')\nbarrier('met')\nlog('after')\n"
    )
    late_at_barriers(monkeypatch, 2)
    _, document = runs(recipe.replace("ROOT", str(Path.cwd())), "--timeout", "90s")

    assert states(document)[1:] == ["timeout"] * 2
    assert "while it waited at barrier[met]" in document["hosts"]["h2"]["error"]["message"]
    left = {r["id"]: r["status"] for r in document["hosts"]["h2"]["resources"]}
    assert (left["barrier[met]"], left["execute[after]"]) == ("not-run", "not-run")
    assert not log()


def test_so_it_is_with_a_saved_plan(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    work = WHILE_OTHERS_WAIT.replace("ROOT", str(Path.cwd()))
    recipe = (
        f"{work} if N == 1 else file(D + '.1', content='x')\n"
        "barrier('met')\nfile(f'{D}.2', content='x')\n"
    )
    runs(recipe, "-o", "plan.json", command="plan")
    late_at_barriers(monkeypatch, 2)
    _, document = runs(None, "plan.json", "--timeout", "90s", command="apply")

    assert states(document)[1:] == ["timeout"] * 2
    told = {r["id"].split("/")[-1]: r["status"] for r in document["hosts"]["h2"]["resources"]}
    assert (told["barrier[met]"], told["h2.2]"]) == ("not-run", "not-run")


@pytest.mark.parametrize("command", ["apply", "undo"])
@pytest.mark.parametrize("end", ["stopped", "late", "broken"])
def test_what_comes_after_the_end_at_a_barrier_is_not_run(
    runs: Runs, monkeypatch: pytest.MonkeyPatch, command: str, end: str
) -> None:
    """Nor is the barrier itself in line then."""
    recipe = "file(f'{D}.1', content='x')\nbarrier('met')\nfile(f'{D}.2', content='x')\n"
    if command == "apply":
        runs(recipe, "-o", "plan.json", command="plan")
        given = ["plan.json"]
    else:
        given = [runs(recipe)[1]["run"], "--yes"]

    def come_to(*_: object) -> str:
        if end != "stopped":
            raise DeadlineExceeded("late") if end == "late" else BarrierBroken("broken")
        return end

    monkeypatch.setattr("cookbook.run.host_run.HostMeetings.come_to", come_to)
    _, document = runs(None, *given, command=command)

    ends = {"stopped": "interrupted", "late": "timeout", "broken": "failed"}
    assert states(document) == [ends[end]] * 3
    told = [r["status"] for r in document["hosts"]["h2"]["resources"]]
    assert told == ["changed", "failed" if end == "broken" else "not-run", "not-run"]


def test_a_plan_with_barriers_only_changes_nothing(runs: Runs) -> None:
    runs("barrier('met')\n", "-o", "plan.json", command="plan")

    assert {one.status for one in load(Path("plan.json")).report.hosts.values()} == {"ok"}


MISTAKES = {
    "twice": ("barrier('x')\nbarrier('x')", "r.py:7: there is a barrier 'x' already, at r.py:6"),
    "a loop": (
        "for i in (1, 2):\n    with run_once():\n        file(f'/a{i}')",
        "r.py:7: there is a run_once 'r.py:7' already",
    ),
    "inside": (
        "with run_once('x'):\n    with run_once('y'):\n        pass",
        "r.py:7: a block of run_once is inside another one",
    ),
    "a barrier inside": (
        "with run_once('x'):\n    barrier('y')",
        "r.py:7: a barrier is inside a block of run_once",
    ),
    "parallel": (
        "with parallel():\n    barrier('y')",
        "r.py:7: a barrier is inside a parallel block",
    ),
    "no host": (
        "with run_once(on='h4'):\n    pass",
        "r.py:6: run_once: there is no host 'h4' in the inventory",
    ),
    "not in the run": (
        "with run_once(on='h1'):\n    pass",
        "r.py:6: run_once: the host h1 is not in this run",
    ),
    "two opinions": (
        "with run_once('x', on=node.name):\n    pass",
        "r.py:6: run_once[x] is to be done on h3, and for h2 on h2",
    ),
    "no name": ("barrier('')", "r.py:6: the name of a barrier must be a text, not ''"),
}


@pytest.mark.parametrize("what", MISTAKES)
def test_mistakes_have_file_and_line(runs: Runs, what: str) -> None:
    recipe, says = MISTAKES[what]
    status, said = runs(recipe, "--limit", "h2,h3")

    assert status == 1
    assert says in said


# -- without hosts ---------------------------------------------------------------------------------


ALONE = Turns(50, 1000)


def meetings(*hosts: str) -> Meetings:
    made = Meetings(hosts, lambda: False)
    for host in hosts:
        made.declare(host, [Barrier("a", "r:1"), Barrier("b", "r:2"), Barrier("c", "r:3", True)])
    return made


def test_hosts_that_wait_for_one_another_are_named() -> None:
    made, said = meetings("h1", "h2"), []

    def wait(host: str, name: str) -> None:
        try:
            made.meet(host, Barrier(name, "r:1"), ALONE, None)
        except BarrierBroken as error:
            said.append(str(error))
            made.end(host, str(error))

    threads = [threading.Thread(target=wait, args=one) for one in (("h1", "a"), ("h2", "b"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert "the hosts wait for one another: h1 at barrier[a], h2 at barrier[b]" in said


def test_a_block_that_its_host_does_not_have_is_an_error() -> None:
    made = Meetings(["h1", "h2"], lambda: False)
    block = Barrier("x", "r:1", True, "h1")
    made.declare("h2", [block])
    made.declare("h1", [])
    with pytest.raises(BarrierBroken, match="on h1, whose recipe does not declare it"):
        made.meet("h2", block, ALONE, None)
    with pytest.raises(Refused, match="not in this run"):
        made.declare("h2", [Barrier("x", "r:1", True, "h3")])


def test_a_host_of_which_nothing_is_known_may_be_the_one() -> None:
    made = Meetings(["h1", "h2"], lambda: False)
    made.declare("h2", [block := Barrier("x", "r:1", True)])
    made.end("h1", "no route to host")
    assert made.doer(block) == "h1"
    with pytest.raises(BarrierBroken, match="was not done on h1: no route to host"):
        made.meet("h2", block, ALONE, None)


def test_the_host_that_decides_may_have_its_turn_later() -> None:
    """Hosts that the last run could not reach go first, whatever the order of the inventory is."""
    turns, block = Turns(1, 1000), Barrier("x", "r:1", True)
    made = Meetings(["h1", "h2"], lambda: False)

    def work(host: str) -> str | None:
        made.declare(host, [block])
        keeper = HostMeetings(host, made, turns, lambda _: None)
        assert keeper.settle()
        doer = keeper.doer(block)
        assert keeper.come_to(block) == "passed"
        made.end(host, "")
        return doer

    assert turns.each(work, ["h2", "h1"], lambda: None) == ["h1", None]


def test_waiting_has_an_end() -> None:
    made = meetings("h1", "h2")
    with pytest.raises(DeadlineExceeded, match="while it waited at barrier"):
        made.meet("h1", Barrier("a", "r:1"), ALONE, time.monotonic())


def test_turns_are_kept_while_hosts_wait() -> None:
    turns, go, most, now = Turns(2, 1000), threading.Event(), [0], [0]
    guard = threading.Lock()

    def count(by: int) -> None:
        with guard:
            now[0] += by
            most[0] = max(most[0], now[0])

    def work(number: int) -> int:
        count(1)
        if number < 5:
            count(-1)
            with turns.away():
                go.wait(60)
            count(1)
        else:
            go.set()
        time.sleep(0.01)
        count(-1)
        return number

    assert turns.each(work, range(8), lambda: None) == list(range(8))
    assert most[0] <= 2


def test_more_hosts_than_can_be_connected_do_not_wait() -> None:
    turns, over = Turns(2, 2), threading.Event()

    def work(_: int) -> str:
        try:
            with turns.away():
                over.wait(60)
        except BarrierBroken as error:
            over.set()
            return str(error)
        return ""

    assert any("no further connection" in said for said in turns.each(work, range(3), lambda: None))


def test_a_host_that_others_may_wait_for_is_known() -> None:
    made = Meetings(["h1", "h2", "h3"], lambda: False)
    made.declare("h1", [Barrier("a", "r:1")])
    made.declare("h2", [])

    assert [made.concerns(host) for host in ("h1", "h2", "h3")] == [True, False, True]


def test_to_wait_for_the_host_that_decides_has_an_end() -> None:
    stopped = [False]
    made = Meetings(["h1", "h2"], lambda: stopped[0])
    made.declare("h2", [block := Barrier("x", "r:1", True)])
    with pytest.raises(BarrierBroken, match="not known yet which host does"):
        made.doer(block)
    with pytest.raises(DeadlineExceeded, match=r"waited to know which host does run_once\[x\]"):
        made.settle("h2", ALONE, time.monotonic())
    stopped[0] = True
    assert not made.settle("h2", ALONE, None)
    made.end("h1", "no route to host")
    assert made.settle("h2", ALONE, None)


def test_a_defect_of_one_host_is_raised_after_the_others_are_done() -> None:
    done: list[int] = []

    def work(number: int) -> None:
        if number == 0:
            raise SystemExit("a defect")
        time.sleep(0.2)
        done.append(number)

    with pytest.raises(SystemExit):
        Turns(2, 1000).each(work, range(4), lambda: None)
    assert sorted(done) == [1, 2, 3]
