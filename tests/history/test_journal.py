"""The journal of a run is there however the run ends, and costs it nothing if it cannot be."""

from __future__ import annotations

import json
import re
import resource
import signal
import stat
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from cookbook.cli import main
from cookbook.history.store import History
from cookbook.text.provenance import redacted
from tests.waiting import eventually, halted

HEADING = "from cookbook.resources import *\nfrom cookbook.recipe import *\n"
COOK = [sys.executable, "-m", "cookbook.cli"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the recipe is."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "r.py").write_text(f"{HEADING}file('{tmp_path}/x', content='hello\\n')\n")
    return tmp_path


def lines(state: Path) -> list[dict[str, Any]]:
    [path] = (state / "journal").glob("*.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]


def history() -> list[dict[str, Any]]:
    """What a reader in a process of its own is told; it has nothing to complain of."""
    answer = subprocess.run(
        [*COOK, "history", "--output", "json", "-n", "0"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert answer.stderr == ""
    runs: list[dict[str, Any]] = json.loads(answer.stdout)["runs"]
    return runs


def test_a_converge_is_recorded_for_its_owner_only(state: Path) -> None:
    assert main(["converge", "r.py", "--local"]) == 0

    [path] = (state / "journal").glob("*.jsonl")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [stat.S_IMODE(f.stat().st_mode) for f in (state, state / "journal")] == [0o700] * 2
    told = lines(state)
    assert (told[0]["kind"], told[-1]["kind"]) == ("run", "finished")
    assert {line["kind"] for line in told} >= {"steps", "host", "revision"}
    [step] = [step for line in told if line["kind"] == "steps" for step in line["steps"]]
    assert step["document"]["status"] == "changed"
    assert step["state"]["provider"] == "file"


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        (["converge", "--no-record"], False),
        (["plan"], False),
        (["plan", "--record"], True),
    ],
)
def test_what_is_recorded_is_as_its_user_says(state: Path, words: list[str], *, kept: bool) -> None:
    main([words[0], "r.py", "--local", *words[1:]])

    assert (state / "journal").exists() == kept


def test_a_saved_plan_that_is_applied_is_recorded() -> None:
    main(["plan", "r.py", "--local", "-o", "p.json"])
    assert main(["apply", "p.json", "--local"]) == 0

    with History.open() as opened:
        [run] = opened.runs()
    assert (run.mode, run.changed) == ("apply", 1)


def test_what_is_applied_comes_from_the_revision_of_its_plan(folder: Path) -> None:
    """Whoever asks who changed it is told what the plan was made from, not when it was sent."""
    git = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@example.net"]
    for words in (["init", "-q"], ["add", "r.py"], ["commit", "-qm", "first"]):
        subprocess.run([*git, *words], check=True)
    main(["plan", "r.py", "--local", "-o", "p.json"])
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "later"], check=True)
    assert main(["apply", "p.json", "--local"]) == 0

    first = subprocess.run([*git, "rev-parse", "HEAD~"], check=True, capture_output=True, text=True)
    with History.open() as opened:
        document = opened.document("last")
        [change] = opened.blame(document["hosts"]["localhost"]["resources"][0]["id"])
    assert change.revision == document["revision"] == first.stdout.strip()
    assert (document["recipes"], document["set"]) == (["r.py"], "r")
    assert document["sources"]["r.py"] == sha256((folder / "r.py").read_bytes()).hexdigest()


def test_recipes_of_several_repositories_have_no_revision(folder: Path) -> None:
    """That of the first one was told for all hosts, and `-dirty` if that one was."""
    for name in ("one", "two"):
        (folder / name / "below").mkdir(parents=True)
        for file in (f"{name}/{name}.py", f"{name}/below/{name}_too.py"):
            (folder / file).write_text("")
        git = ["git", "-C", str(folder / name), "-c", "user.name=a", "-c", "user.email=a@b.example"]
        for words in (["init", "-q"], ["add", "."], ["commit", "-qm", name]):
            subprocess.run([*git, *words], check=True)

    def revision(*recipes: str) -> str | None:
        assert main(["converge", *recipes, "--local"]) == 0
        with History.open() as opened:
            return opened.document("last")["revision"]

    assert revision("one/one.py") == revision("one/below/one_too.py", "one/one.py") is not None
    assert revision("one/one.py", "two/two.py") is None
    assert revision("r.py", "one/one.py") is None


@pytest.mark.slow
def test_a_run_that_is_killed_is_there_as_interrupted(folder: Path) -> None:
    (folder / "r.py").write_text(
        f"{HEADING}file('{folder}/x')\nexecute('touch {folder}/begun; sleep 120')\n"
    )
    process = subprocess.Popen([*COOK, "converge", "r.py", "--local"], stdout=subprocess.DEVNULL)
    eventually((folder / "begun").exists)

    [running] = history()
    process.kill()
    process.wait()
    [killed] = history()

    assert running["state"] == "running"
    assert killed["state"] == "interrupted"
    assert killed["run"] == running["run"]
    assert killed["hosts"] == {"localhost": "interrupted"}
    with History.open() as opened:
        [host] = opened.steps(killed["run"]).values()
    assert [step.document["status"] for step in host] == ["unknown", "unknown"]


@pytest.mark.slow
def test_ctrl_c_is_in_the_history(folder: Path, cook_home: Path) -> None:
    (folder / "r.py").write_text(
        f"{HEADING}execute('touch {folder}/begun; {halted(cook_home)}')\n"
        f"file('{folder}/no/where')\n"
    )
    process = subprocess.Popen([*COOK, "converge", "r.py", "--local"], stdout=subprocess.DEVNULL)
    eventually((folder / "begun").exists)
    process.send_signal(signal.SIGINT)

    assert process.wait() == 130
    [run] = history()
    assert (run["state"], run["exit"]) == ("finished", 130)


@pytest.mark.slow
def test_killed_at_any_moment_it_leaves_a_history_that_can_be_read(folder: Path) -> None:
    (folder / "r.py").write_text(
        f"{HEADING}for i in range(40):\n    file(f'{folder}/{{i}}', content=str(i))\n"
    )
    for number in range(12):
        process = subprocess.Popen(
            [*COOK, "converge", "r.py", "--local"], stdout=subprocess.DEVNULL
        )
        time.sleep(0.05 + number * 0.04)
        process.kill()
        process.wait()

    runs = history()

    assert {run["state"] for run in runs} <= {"interrupted", "finished"}
    assert history() == runs


_SENDER = """
import os, signal, sys
from pathlib import Path
from cookbook.planning.step import Step
from cookbook.inventory import local
from cookbook.history.journal import Recorder
from cookbook.text.user_dirs import journals
from cookbook.plugins.manager import catalog
from cookbook.provider import Change
from cookbook.language.collection import Declared
from cookbook.resources import File
from cookbook.reports.run_info import RunInfo
from cookbook.text.provenance import Origin

hosts = local().select([])
recorder = Recorder(journals(None))
recorder.cookbook_started(RunInfo("r-1", "converge", "r", ["r.py"], [hosts[0].name], Origin()))
first, second, third = (Step(Declared(File(f"/{n}"), "r.py:3"), "changed") for n in "abc")
recorder.cookbook_sending(hosts[0].name, [first, second, third])
recorder.cookbook_step(hosts[0].name, first)
assert recorder.error is None, recorder.error
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_was_sent_and_not_answered_is_unknown() -> None:
    ended = subprocess.run([sys.executable, "-c", _SENDER], check=False)
    assert ended.returncode == -signal.SIGKILL

    with History.open() as opened:
        [host] = opened.steps("r-1").values()
        [run] = opened.runs()

    told = [(step.document["id"], step.document["status"]) for step in host]
    assert told == [("file[/a]", "changed"), ("file[/b]", "unknown"), ("file[/c]", "unknown")]
    assert (run.changed, run.unknown) == (1, 2)


def test_half_a_last_line_is_not_read(state: Path) -> None:
    main(["converge", "r.py", "--local"])
    [path] = (state / "journal").glob("*.jsonl")
    data = path.read_bytes()
    first = data.index(b"\n") + 1

    for end in [*range(first, len(data), 97), len(data) - 1]:
        path.write_bytes(data[:end])
        with History.open() as opened:
            [run] = opened.runs()
        assert (run.state, opened.warnings) == ("interrupted", [])


def test_a_full_disk_costs_the_run_nothing(state: Path) -> None:
    """RLIMIT_FSIZE says no to each byte after the first lines, as a full disk does."""
    (Path("r.py")).write_text(
        f"{HEADING}for i in range(99):\n    file(f'/srv/{{i}}', content='x')\n"
    )
    ended = subprocess.run(
        [*COOK, "plan", "r.py", "--local", "--record"],
        check=False,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000)),
    )

    assert ended.returncode == 2
    assert "Resources: 99 to change" in ended.stdout
    assert ended.stderr.count("this run is not in the history, or not all of it") == 1
    assert "File too large" in ended.stderr
    [path] = (state / "journal").glob("*.jsonl")
    assert path.stat().st_size == 2000
    assert [run["state"] for run in history()] == ["interrupted"]


def test_a_state_directory_that_cannot_be_is_only_a_warning(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COOK_STATE", "/dev/null/state")

    assert main(["converge", "r.py", "--local"]) == 0

    assert capsys.readouterr().err.count("not in the history") == 1


@pytest.mark.slow
def test_a_reader_that_is_killed_loses_no_run(state: Path, write_journal: Any) -> None:
    for number in range(300):
        write_journal(f"r-{number:03}", {"web1": [(f"file[/{number}]", "changed")] * 20})
    for number in range(8):
        reader = subprocess.Popen([*COOK, "history"], stdout=subprocess.DEVNULL)
        time.sleep(0.15 + number * 0.06)
        reader.kill()
        reader.wait()

    assert len(history()) == 300
    assert not list((state / "journal").glob("*.jsonl"))


@pytest.mark.slow
def test_readers_at_once_read_each_run_once(write_journal: Any) -> None:
    for number in range(60):
        write_journal(f"r-{number:02}", {"web1": [(f"file[/{number}]", "changed")]})
    command = [*COOK, "history", "--output", "json", "-n", "0"]
    readers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    answers = [json.loads(reader.communicate()[0])["runs"] for reader in readers]

    assert [reader.returncode for reader in readers] == [0] * 4
    assert [len(runs) for runs in answers] == [60] * 4


def test_many_journals_that_nobody_reads_are_put_away_in_the_background(
    state: Path, write_journal: Any
) -> None:
    for number in range(30):
        write_journal(f"r-{number:02}", {"web1": []})

    main(["converge", "r.py", "--local"])

    eventually(lambda: not list((state / "journal").glob("*.jsonl")))
    assert len(history()) == 31


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "{}\n",
        "[1]\n",
        '{"kind": "run", "format": 1}\n',
        "\0" * 5000,
        "[" * 100_000 + "\n",
    ],
)
def test_a_broken_journal_is_put_aside_and_named(
    state: Path, write_journal: Any, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write_journal("r-1", {"web1": []})
    (state / "journal/bad.jsonl").write_text(text)

    assert main(["history"]) == 0

    said = capsys.readouterr()
    assert "a journal cannot be read, and is kept as" in said.err
    assert "r-1" in said.out
    assert (state / "journal/bad.broken").read_text() == text
    main(["history"])
    assert capsys.readouterr().err == ""


def test_a_journal_of_a_newer_version_waits_for_it(
    write_journal: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_journal("r-1", {"web1": []})
    path.write_text(path.read_text().replace('"format": 1', '"format": 2', 1))

    for _ in range(2):
        assert main(["history"]) == 0
        assert "was written by a newer version of cook" in capsys.readouterr().err
    assert path.exists()


def test_a_command_line_is_kept_without_its_secrets() -> None:
    said = redacted(
        [
            "/usr/bin/cook",
            "converge",
            "--set=api_token=t",
            "--set",
            "db={user: ann, password: x}",
            "--store=postgresql://ann:a/b@db/cook",
            "postgresql://db/cook?user=ann&password=x&sslmode=require",
        ]
    )

    assert said == [
        "cook",
        "converge",
        "--set=api_token=***",
        "--set",
        "db=***",
        "--store=postgresql://ann:***@db/cook",
        "postgresql://db/cook?user=ann&password=***&sslmode=require",
    ]


SECRET = "c4n4ry-t0k3n"

_SECRETS = f"""
from cookbook.provider import Secret
file(f'{{D}}/secret', content=Secret('{SECRET}\\n'))
file(f'{{D}}/sensitive', content='{SECRET}\\n', sensitive=True)
template(f'{{D}}/t', source='t.j2', variables={{'token': Secret('{SECRET}')}})
execute('true', environment={{'TOKEN': '{SECRET}'}}, sensitive=True)
execute('quiet', command='echo {SECRET} >/dev/null', sensitive=True)
made = {{'creates': '/etc', 'environment': {{'T': '{SECRET}'}}, 'sensitive': True}}
execute('made', command='false {SECRET}', **made)
execute('fails', command='echo {SECRET}; exit 1', sensitive=True, ignore_failure=True)
file(f'{{D}}/var', content=node.vars['db_password'], sensitive=True)
"""


def test_no_secret_is_in_the_journal_or_in_the_database(
    folder: Path, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "templates").mkdir()
    (folder / "templates/t.j2").write_text("token={{ token }}\n")
    (folder / "r.py").write_text(f"{HEADING}D = '{folder}'\n{_SECRETS}")
    words = [*COOK, "converge", "r.py", "--local", "--set", f"db_password={SECRET}"]
    for _ in range(2):
        ended = subprocess.run(words, check=False, capture_output=True, text=True)
        assert ended.returncode == 0, ended.stdout + ended.stderr

    journals = sorted((state / "journal").glob("*.jsonl"))
    assert len(journals) == 2
    for path in journals:
        assert SECRET not in path.read_text()
    main(["show", "last", "-v"])
    main(["show", "last", "--output", "json"])
    assert SECRET not in capsys.readouterr().out
    stored = [path.read_bytes() for path in state.rglob("*") if path.is_file()]
    assert b"db_password=***" in b"".join(stored)
    assert not any(SECRET.encode() in data for data in stored)


def test_runs_of_the_same_recipe_have_the_same_desired_state(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A plan, a converge and the history agree; a changed template is another desired state."""
    templates = folder / "templates"
    templates.mkdir()
    (templates / "t.j2").write_text("size {{ size }}\n")
    (folder / "r.py").write_text(
        f"{HEADING}template('{folder}/t', source='t.j2', variables={{'size': 1}})\n"
    )

    def desired(*words: str) -> tuple[str, str]:
        main([*words, "--output", "json"])
        document = json.loads(capsys.readouterr().out)
        [host] = document["hosts"].values()
        return document["run"], host["desired"]

    words = ("r.py", "--local")
    _, planned = desired("plan", *words)
    run, done = desired("converge", *words)
    assert re.fullmatch("[0-9a-f]{64}", done)
    assert planned == done == desired("show", run)[1] == desired("drift", *words)[1]
    (templates / "t.j2").write_text("sizes {{ size }}\n")
    assert desired("plan", *words)[1] != done
