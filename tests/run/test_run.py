"""Many hosts: each ends in exactly one state, and none holds up another."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cookbook.cli import main
from cookbook.cli.report_lines import report_lines
from cookbook.errors import HostError
from cookbook.reports.report import HostReport, Report
from cookbook.text.diff import Diff, texts_diff
from cookbook.text.sanitize import clean
from tests.texts import check_document
from tests.waiting import LONG, eventually, halted

HEADING = "from cookbook.resources import *\nfrom cookbook.recipe import *\n"

Runs = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def runs(
    many_machines: None,  # noqa: ARG001 - each host is one
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Runs:
    """Run a recipe on hosts that are all this machine, each with folders of its own."""
    monkeypatch.chdir(tmp_path)

    def run(
        recipe: str, hosts: int, *words: str, command: str = "converge"
    ) -> tuple[int, dict[str, Any]]:
        lines = [f"  h{i}: {{vars: {{dir: {tmp_path}/h{i}, n: {i}}}}}" for i in range(hosts)]
        Path("hosts.yml").write_text(
            "defaults: {transport: local}\nhosts:\n" + "\n".join(lines) + "\n"
        )
        Path("r.py").write_text(f"{HEADING}D, N = node.vars['dir'], node.vars['n']\n{recipe}")
        status = main([command, "r.py", "--hosts", "hosts.yml", "--output", "json", *words])
        return status, json.loads(capsys.readouterr().out)

    return run


def test_every_host_gets_what_is_its_own(runs: Runs, tmp_path: Path) -> None:
    status, document = runs("directory(D)\nfile(f'{D}/n', content=str(N))", 30)

    assert status == 0
    assert {host["status"] for host in document["hosts"].values()} == {"changed"}
    assert [(tmp_path / f"h{i}/n").read_text() for i in range(30)] == [str(i) for i in range(30)]
    assert document["totals"]["changed"] == 60


def test_one_bad_host_stops_no_other(runs: Runs) -> None:
    status, document = runs(
        "execute('exit 1', only_if=lambda node: N == 3)\ndirectory(D)", 6, "--forks", "2"
    )

    assert status == 3
    states = [host["status"] for host in document["hosts"].values()]
    assert states == ["changed", "changed", "changed", "failed", "changed", "changed"]


@pytest.mark.slow
def test_a_slow_host_does_not_slow_down_the_others(runs: Runs, tmp_path: Path) -> None:
    """It ends when all of them have made a change: if they waited for it, it would be too late."""
    others = f'[ "$(ls -d {tmp_path}/h[0-9]* | wc -l)" = 19 ]'
    wait = f"until {others}; do sleep 0.1; done"
    status, document = runs(
        f"execute('slow', command={wait!r}, timeout=90, only_if=lambda node: N == 0)\ndirectory(D)",
        20,
    )

    assert status == 0
    assert document["totals"]["failed"] == 0
    assert {host["status"] for host in document["hosts"].values()} == {"changed"}


def test_a_host_that_hangs_costs_only_its_own_report(runs: Runs) -> None:
    """Its shell is gone when what was sent ahead is to be removed, which it does itself."""

    def stages() -> set[Path]:
        return set(Path("/var/tmp").glob("cook-*"))

    before = stages()
    status, document = runs(
        "directory(D)\n"
        "file(f'{D}/big', content=b'x' * 900_000)\n"
        "execute('sleep 30', timeout=0.5, only_if=lambda node: N == 0)\n",
        2,
    )

    assert status == 3
    assert [host["status"] for host in document["hosts"].values()] == ["timeout", "changed"]
    left = stages() - before  # what another test has there goes away by itself
    eventually(lambda: not left & stages())
    hung = document["hosts"]["h0"]["resources"][-1]
    assert (hung["id"], hung["status"]) == ("execute[sleep 30]", "unknown")
    assert "no answer within 0.5 s to `" in hung["error"]["message"]


def test_a_command_that_never_stops_talking_does_not_take_our_memory(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cookbook.script.program.MOST_HEARD", 1_000_000)

    status, document = runs("execute('yes')", 1)

    assert status == 4
    assert "does not stop talking" in json.dumps(document)


def test_variables_are_each_hosts_own(runs: Runs, tmp_path: Path) -> None:
    """Law 1: what the recipe of one host does to a list is nobody else's business."""
    runs(
        "node.vars['p'].append(N)\nnode.facts.kernel\ndirectory(D)\n"
        "file(f'{D}/p', content=str(node.vars['p']))\n",
        3,
        "--set",
        "p=[x]",
    )

    assert [(tmp_path / f"h{i}/p").read_text() for i in range(3)] == [
        f"['x', {i}]" for i in range(3)
    ]


def test_a_limit_touches_only_those(runs: Runs, tmp_path: Path) -> None:
    _, document = runs("directory(D)", 5, "--limit", "h*,!h3")

    assert list(document["hosts"]) == ["h0", "h1", "h2", "h4"]
    assert not (tmp_path / "h3").exists()


def test_a_recipe_that_is_wrong_for_one_host_touches_none(runs: Runs, tmp_path: Path) -> None:
    with pytest.raises(json.JSONDecodeError):  # no document: it did not begin
        runs("directory(D, mode=0o755 if N < 4 else 755)", 5)

    assert not list(tmp_path.glob("h[0-9]"))


def test_a_mistake_that_shows_with_the_facts_stops_before_anything_is_done(
    runs: Runs, tmp_path: Path
) -> None:
    status, document = runs("directory(D)\nfile(node.facts.kernel)", 2)

    assert status == 1
    assert "is no absolute" in document["hosts"]["h0"]["error"]["message"]
    assert not (tmp_path / "h0").exists()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ctrl_c_finishes_the_resource_at_work_and_no_more(
    tmp_path: Path, cook_home: Path, number: int
) -> None:
    (tmp_path / "r.py").write_text(
        f"{HEADING}D, wait = '{tmp_path}', {halted(cook_home)!r}\n"
        "execute('work', command=f'touch {D}/begun; {wait}; echo done > {D}/one')\n"
        "file(f'{D}/two')\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "cookbook.cli", "converge", "r.py", "--local", "--output", "json"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.getcwd()},
    )
    eventually((tmp_path / "begun").exists)
    process.send_signal(number)
    out, errors = process.communicate(timeout=LONG)

    assert process.returncode == 130
    check_document("C43-once", json.loads(out), {str(tmp_path): "/tmp/d"}, errors=errors)
    [host] = json.loads(out)["hosts"].values()
    assert (tmp_path / "one").read_text() == "done\n"
    assert [one["status"] for one in host["resources"]] == ["changed", "not-run"]
    assert not (tmp_path / "two").exists()
    assert not list(cook_home.glob(".halt-*"))


@pytest.mark.slow
def test_ctrl_c_ends_an_apply_after_the_resource_at_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cook_home: Path
) -> None:
    """What the chain did not come to is not sent again."""
    monkeypatch.chdir(tmp_path)
    check = f"touch {tmp_path}/begun; {halted(cook_home)}"
    files = "".join(f"file(f'{{D}}/{i}', content='new', verify={check!r})\n" for i in range(3))
    (tmp_path / "r.py").write_text(f"{HEADING}D = '{tmp_path}'\n{files}")
    main(["plan", "r.py", "--local", "-o", "p.cook"])
    process = subprocess.Popen(
        [sys.executable, "-m", "cookbook.cli", "apply", "p.cook", "--local", "--output", "json"],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    eventually((tmp_path / "begun").exists)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=LONG)

    [host] = json.loads(out)["hosts"].values()
    assert process.returncode == 130
    assert [one["status"] for one in host["resources"]] == ["changed", "not-run", "not-run"]
    assert [(tmp_path / str(i)).exists() for i in range(3)] == [True, False, False]


def test_an_undo_that_is_told_to_stop_sends_nothing_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "r.py").write_text(f"{HEADING}file('{tmp_path}/x')\nfile('{tmp_path}/y')\n")
    main(["converge", "r.py", "--local"])
    monkeypatch.setattr("cookbook.run.host_run.HostRun._stopping", lambda _: True)
    capsys.readouterr()

    main(["undo", "last", "--local", "--yes", "--output", "json"])

    [host] = json.loads(capsys.readouterr().out)["hosts"].values()
    assert host["status"] == "interrupted"
    assert [one["status"] for one in host["resources"]] == ["not-run", "not-run"]
    assert (tmp_path / "x").exists()
    assert (tmp_path / "y").exists()


def test_hosts_to_which_the_same_happened_are_shown_together() -> None:
    hosts = {f"h{i}": HostReport(f"h{i}", "ok", seconds=i) for i in range(3)}
    hosts["bad"] = HostReport("bad", "failed", error=HostError("it hurts", hint="see a doctor"))

    lines = [text for _, text in report_lines(Report("1", "converge", hosts))]

    assert lines[0] == "h0, h1, h2 (3 hosts): ok, 2.0 s"
    assert lines[1:4] == ["bad: failed, 0.0 s", "  it hurts", "  next: see a doctor"]
    assert lines[4] == "  more: cook explain not-possible"
    assert lines[5].startswith("4 hosts: 1 failed, 3 ok.")


def test_a_diff_that_another_host_had_is_shown_once(
    runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    runs("directory(D)\nfile(f'{D}/x')", 3)
    words = ["r.py", "--hosts", "hosts.yml"]
    Path("r.py").write_text(
        f"{HEADING}file('/tmp/no-such-file-yet', content='hello\\n')\n"
        "file(node.vars['dir'] + '/y')\n"
    )
    assert main(["plan", *words]) == 2

    shown = capsys.readouterr().out
    assert shown.count("+hello") == 1
    assert shown.count("(the same diff as on h0)") == 2


def test_control_characters_are_shown_not_obeyed() -> None:
    assert clean("a\x1b[31m\tb\nc\x9b\r") == "a\\x1b[31m\tb\nc\\x9b\\x0d"


class TestDiff:
    def test_a_path_with_a_newline_is_one_line_of_the_heading(self) -> None:
        diff = texts_diff("/tmp/a\n+++ b", b"a\n", b"b\n")
        assert diff.lines[:2] == ("--- /tmp/a\\n+++ b (found)", "+++ /tmp/a\\n+++ b (wanted)")
        assert len(diff.lines) == 5

    def test_text_is_unified(self) -> None:
        diff = texts_diff("/etc/x", b"a\nb\n", b"a\nc\n")
        assert diff.lines[:2] == ("--- /etc/x (found)", "+++ /etc/x (wanted)")
        assert diff.lines[3:] == (" a", "-b", "+c")

    def test_a_missing_final_newline_is_seen(self) -> None:
        assert "\\ No newline at end of file" in texts_diff("x", b"a\n", b"a").lines

    def test_binary_is_summarised(self) -> None:
        assert texts_diff("x", b"\0", b"ab\0") == Diff(summary="binary: 1 bytes -> 3 bytes")

    def test_large_is_summarised(self) -> None:
        assert (
            texts_diff("x", None, b"a" * 200_000).summary == "large: nothing -> over 100000 bytes"
        )

    def test_secret_is_redacted(self) -> None:
        assert texts_diff("x", b"hunter1", b"hunter2", secret=True) == Diff(summary="redacted")

    def test_long_is_cut(self) -> None:
        diff = texts_diff("x", b"", b"".join(b"%d\n" % i for i in range(1000)))
        assert len(diff.lines) == 400
        assert diff.summary == "603 more lines"

    def test_what_is_no_text_does_not_raise(self) -> None:
        assert "+\\xff" in texts_diff("x", b"", b"\xff\n").lines
