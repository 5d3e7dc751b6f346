"""What `cook rollout` and `cook status` tell of a rollout: events, its end, what it has left."""

from __future__ import annotations

import contextlib
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from cookbook.cli import main
from cookbook.cli.rollouts.display import Display, wrapped
from cookbook.rollout.engine import Controller
from cookbook.rollout.journal import Journal
from tests.cli.rollouts import ROLLOUT, cook, cut, start, unfolded, versions

pytestmark = pytest.mark.slow  # whole runs of the program


def test_what_happens_to_a_host_is_told_with_its_times(
    fleet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, told = start(capsys)
    assert status == 0
    web = [line.strip() for line in told["err"].splitlines() if line.startswith("  h2")]
    assert [re.sub(r"\d+(\.\d)? s", "N s", line) for line in web] == [
        "h2: begun",
        "h2: drained (N s)",
        "h2: back in service (N s)",
        "h2: done, healthy",
    ]
    assert told["hosts"]["h2"]["drained_seconds"] is not None
    assert told["hosts"]["h1"]["drained_seconds"] is None  # its group has no `drain`

    out = cook(capsys, "status", "last", "-v", "--output", "json")[1]
    events = [one["event"] for one in json.loads(out)["events"] if one.get("host") == "h2"]
    assert events == ["Begun", "Drained", "BackInService", "Ended"]
    out = cook(capsys, "status", "last", "-v")[1]
    assert "  h2: drained (" in out
    assert out.count("the rollout is done") == 1
    assert out.count("done;") == 0
    assert fleet.exists()


def test_the_end_is_told_once(fleet: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = cook(capsys, "start", "--hosts", "hosts.yml", "--yes")

    assert status == 0
    assert (out + err).count("the rollout is done") == 1
    assert fleet.exists()


def test_a_host_that_is_not_healthy_yet_is_told(
    fleet: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cookbook.rollout.worker._QUIET", 0.0)
    Path("rollout.yml").write_text(ROLLOUT.replace("canary: 1", "healthy_deadline: 1s"))
    (fleet / "h2").mkdir()
    (fleet / "h2/bad").touch()

    err = start(capsys)[1]["err"]

    assert unfolded(err).count("h2: not healthy yet, trying again: `test ! -e") == 1


BY_VERSION = ROLLOUT.replace(
    "canary: 1", "canary: 1\n    healthy_deadline: 1s\n    auto_revert: batch"
).replace("test ! -e {vars[dir]}/bad", "grep -vqx 2 {vars[dir]}/version")


def test_a_revert_as_ordered_ends_well_and_one_after_a_failure_does_not(
    fleet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("rollout.yml").write_text(BY_VERSION)
    assert start(capsys)[0] == 0

    status, told = start(capsys, "--set", "version=2")
    assert (status, told["status"]) == (3, "reverted")
    assert versions(fleet) == ["2", "1", "1"]

    assert start(capsys, "--set", "version=3")[0] == 0
    status, out, _ = cook(capsys, "revert", "last")
    assert "the rollout is reverted" in out
    assert status == 0
    assert versions(fleet) == ["2", "1", "1"]


def test_an_abort_as_ordered_ends_well(fleet: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("rollout.yml").write_text(BY_VERSION)
    start(capsys)
    cut("last", "BatchBegun")  # it was killed

    status, out, _ = cook(capsys, "abort", "last")

    assert "the rollout is aborted" in out
    assert status == 0
    assert fleet.exists()


def test_long_reasons_are_folded_and_whole_in_json(
    fleet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = f"{'a word and '.join(map(str, range(30)))}"
    text = ROLLOUT.replace('echo "$COOK_DO $COOK_HOST" >>log', f"echo {said}; exit 1", 1)
    Path("rollout.yml").write_text(text)

    told = start(capsys)[1]

    assert said in told["hosts"]["h2"]["reason"]
    folded = [line for line in told["err"].splitlines() if "a word and" in line]
    assert max(map(len, folded)) <= 100
    assert said in unfolded(told["err"])
    assert fleet.exists()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "  h1: " + "word " * 14,
            ["  h1: word word word word word word word", "      " + "word " * 7],
        ),
        (
            "  h1: it ended with 1:\none\n\ntwo",
            ["  h1: it ended with 1:", "      one", "      two"],
        ),
        ("  h1: " + "x" * 50, ["  h1:", "      " + "x" * 50]),
        ("", [""]),
    ],
)
def test_a_line_is_folded_at_words_and_keeps_its_indent(text: str, shown: list[str]) -> None:
    assert [line for _, line in wrapped([("", text)], 40)] == [one.rstrip() for one in shown]


def test_the_page_of_a_rollout_that_goes_on_has_all_its_events(
    fleet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("rollout.yml").write_text(ROLLOUT.replace("canary: 1", "canary: 1\n    gate: manual"))
    name = start_until_gate(capsys)

    assert cook(capsys, "promote", name, "--page", "page.html")[0] == 0

    page = Path("page.html").read_text()
    assert "h2: drained (" in page  # before the promotion
    assert "h3: drained (" in page
    assert fleet.exists()


def test_a_page_that_cannot_be_written_is_told_and_stops_nothing(
    fleet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _, err = cook(
        capsys, "start", "--hosts", "hosts.yml", "--yes", "--page", "nowhere/page.html"
    )
    assert status == 1
    assert "--page nowhere/page.html: there is no folder nowhere" in err

    Path(".page.html.new").mkdir()
    told = start(capsys, "--page", "page.html")[1]

    assert told["status"] == "done"
    assert told["err"].count("the page cannot be written") == 1
    assert versions(fleet) == ["1", "1", "1"]


def test_an_output_that_is_closed_stops_nothing(
    fleet: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(*_: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(Display, "_hear", closed)

    assert start(capsys)[0] == 0
    assert versions(fleet) == ["1", "1", "1"]


@pytest.mark.parametrize("folder", [".", "elsewhere"])
def test_hosts_that_an_interrupted_rollout_has_left_come_first_in_the_next_one(
    fleet: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    """From whatever folder it is begun."""
    Path("rollout.yml").write_text("groups: {web: {batches: [1]}, db: }")
    start(capsys)
    cut("last", "BatchEnded")  # h2 is done, and its batch
    Path(folder).mkdir(exist_ok=True)
    hosts = os.path.relpath("hosts.yml", folder)
    monkeypatch.chdir(folder)
    out = cook(capsys, "plan", "--hosts", hosts)[1]

    assert "   batch 1: h3" in out
    assert "   batch 2: h2" in out
    assert fleet.exists()


def picture(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    """Return what `cook status` says."""
    assert main(["status", "--hosts", "hosts.yml", *words, "--output", "json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_the_picture_of_the_fleet_has_the_hosts_that_a_rollout_has_left(
    fleet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("rollout.yml").write_text(ROLLOUT.replace("canary: 1", "healthy_deadline: 0.5s"))
    (fleet / "h2").mkdir()
    (fleet / "h2/bad").touch()
    name = start(capsys, "--limit", "h1,h2")[1]["id"]

    found = picture(capsys)

    assert {host: one["pending"] for host, one in found["hosts"].items()} == {
        "h1": [],
        "h2": [f"pending in rollout {name} (failed)", f"out of service since rollout {name}"],
        "h3": [],
    }
    assert found["rollouts"] == []  # it has ended
    assert picture(capsys, "--limit", "h1")["rollouts"] == []
    assert main(["status", "--hosts", "hosts.yml", "--report", "s.html"]) == 0
    out = capsys.readouterr().out
    assert f"out of service since rollout {name}" in out
    assert f"out of service since rollout {name}" in Path("s.html").read_text()

    # A converge does what was pending, and puts nothing back into service.
    (fleet / "h2/version").write_text("0")
    (fleet / "h2/bad").unlink()
    assert main(["converge", "--hosts", "hosts.yml"]) == 0
    capsys.readouterr()
    assert picture(capsys)["hosts"]["h2"]["pending"] == [f"out of service since rollout {name}"]
    assert start(capsys)[0] == 0
    assert picture(capsys)["hosts"]["h2"]["pending"] == []


def test_the_picture_of_the_fleet_has_the_rollouts_that_have_not_ended(
    fleet: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("rollout.yml").write_text(ROLLOUT.replace("canary: 1", "canary: 1\n    gate: manual"))
    name = start_until_gate(capsys)

    found = picture(capsys)
    [rollout] = found["rollouts"]
    Path("elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    assert main(["status", "--hosts", "../hosts.yml", "--output", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["rollouts"] == [rollout]
    monkeypatch.chdir("..")
    assert (rollout["id"], rollout["status"]) == (name, "left")
    assert rollout["gate"] == {"group": "web", "batch": 2}
    told = f"rollout {name} waits for: cook rollout promote {name} (batch 2 of web)"
    assert rollout["told"] == told
    assert found["hosts"]["h3"]["pending"] == [f"pending in rollout {name}"]
    assert main(["status", "--hosts", "hosts.yml", "--report", "s.html"]) == 0
    assert f"\n{told}\n" in capsys.readouterr().out
    assert told in Path("s.html").read_text()

    with Journal.open(name).controlling():
        assert picture(capsys)["rollouts"][0]["status"] == "at work"
        assert picture(capsys)["hosts"]["h3"]["pending"] == []
    assert cook(capsys, "promote", name)[0] == 0
    assert picture(capsys)["rollouts"] == []

    cut(name, "BatchBegun")  # it was killed
    [rollout] = picture(capsys)["rollouts"]
    told = f"rollout {name} was interrupted; to go on: cook rollout resume {name}"
    assert rollout["told"] == told
    assert fleet.exists()


def start_until_gate(capsys: pytest.CaptureFixture[str]) -> str:
    """Begin a rollout whose controller is killed while it waits at its gate; return its id."""
    real = Controller._wait

    def wait(self: Controller, until: float | None, why: str) -> None:
        if "promotion" in why:
            raise KeyboardInterrupt
        real(self, until, why)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Controller, "_wait", wait)
        with contextlib.suppress(KeyboardInterrupt):
            main(["rollout", "start", "--hosts", "hosts.yml", "--yes"])
    capsys.readouterr()
    return Journal.open("last").id
