"""`cook history`, `cook show RUN`, `cook blame`, for people and for programs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cookbook.cli import durations as spans_module
from cookbook.cli import main
from cookbook.cli.commands.history import short
from cookbook.cli.durations import span
from cookbook.history.store import History
from tests.waiting import eventually

A = "file[/etc/nginx/nginx.conf]"
HEADING = "from cookbook.resources import *\nfrom cookbook.recipe import *\n"
RECENT = "2999-01-01T00:00:00.000Z"


@pytest.fixture
def asks(capsys: pytest.CaptureFixture[str]) -> Any:
    """Run a command; its exit status, what it printed, what it said besides."""

    def ask(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        try:
            status = main(words)
        except SystemExit as ended:
            status = int(str(ended.code))
        said = capsys.readouterr()
        return status, said.out, said.err

    return ask


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A recipe in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "r.py").write_text(f"{HEADING}file('{tmp_path}/x', content='hello\\n')\n")
    return tmp_path / "x"


def test_a_run_is_shown_as_it_was_reported(recipe: Path, asks: Any) -> None:
    """`cook show RUN --output json` is the document that the run itself has printed."""
    _, printed, _ = asks("converge", "r.py", "--local", "--output", "json")
    reported = json.loads(printed)

    _, shown, _ = asks("show", reported["run"], "--output", "json")
    assert json.loads(shown) == reported | {"state": "finished"}

    status, text, errors = asks("show", "last", "-v")
    assert (status, errors) == (0, "")
    assert text.startswith(f"converge {reported['run']} of r.py, ")
    assert f"  + file[{recipe}]  [r.py:3]\n      mode: - -> 0644\n" in text
    assert "      +hello\n" in text
    assert text.endswith("1 host: 1 changed. Resources: 1 changed.\n")


def test_a_drift_report_is_shown_as_it_was_reported(recipe: Path, asks: Any) -> None:
    """What was seen against the past, and what was ignored, is kept as well."""
    asks("converge", "r.py", "--local")
    recipe.write_text("by hand\n")
    words = ["drift", "r.py", "--local", "--record", "--format", "json"]
    for excuse in ([], ["--ignore", f"file[{recipe}]=a reason"]):
        _, printed, _ = asks(*words, *excuse)
        reported = json.loads(printed)

        _, shown, _ = asks("show", "last", "--output", "json")
        assert json.loads(shown) == reported | {"state": "finished"}
        [[told]] = [host["resources"] for host in reported["hosts"].values()]
        assert (told["cause"], bool(told["since"]), bool(told["excused"])) == (
            *("drift", True),
            bool(excuse),
        )


def test_whoever_reads_only_the_beginning_may_leave(recipe: Path) -> None:
    assert main(["converge", "r.py", "--local"]) == 0
    reading, writing = os.pipe()
    os.close(reading)
    words = [sys.executable, "-m", "cookbook.cli", "show", "last", "--report", "run.md"]
    done = subprocess.run(words, check=False, stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")
    assert str(recipe) in Path("run.md").read_text()


@pytest.mark.usefixtures("recipe")
def test_only_verbose_shows_what_was_in_line(asks: Any) -> None:
    asks("converge", "r.py", "--local")
    assert "+hello" in asks("show", "last")[1]
    asks("converge", "r.py", "--local")

    assert "=" not in asks("show", "last")[1].split("\n", 1)[1]
    assert "  = file[" in asks("show", "last", "-v")[1]


@pytest.mark.usefixtures("recipe")
def test_show_takes_a_plan_file_where_there_is_one(asks: Any) -> None:
    asks("plan", "r.py", "--local", "-o", "p.json")

    assert asks("show", "p.json")[1].startswith("plan ")
    assert json.loads(asks("show", "p.json", "--output", "json")[1])["mode"] == "plan"
    status, _, errors = asks("show", "q.json")
    assert (status, errors) == (
        1,
        (
            "cook: q.json: there is no such file, and no such run\n"
            "      more: cook explain wrong-usage\n"
        ),
    )


def test_history_is_a_table_newest_first(write_journal: Any, asks: Any) -> None:
    write_journal("r-1", {"web1": [(A, "changed")]}, revision="0123456789" * 4 + "-dirty")
    write_journal("r-2", {"web1": [], "web2": [], "web3": []}, started=RECENT, revision=None)
    write_journal("r-3", {"web1": []}, started="2026-04-01T00:00:00.000Z", finished=False)

    status, text, errors = asks("history")

    assert (status, errors) == (0, "")
    heading, *rows = text.splitlines()
    assert heading.split() == [
        *("RUN", "WHEN", "WHO", "MODE", "HOSTS", "CHANGED", "FAILED", "REVISION"),
    ]
    assert [row.split()[0] for row in rows] == ["r-2", "r-1", "r-3"]
    assert "3 ok" in rows[0]
    assert "web1 changed" in rows[1]
    assert rows[1].endswith("0123456789-dirty")
    assert "ann@laptop" in rows[1]


def test_the_desired_states_of_a_run_are_shown(write_journal: Any, asks: Any) -> None:
    """In 12 digits for people, whole for programs; a run of before that has none."""
    one, other = "1" * 64, "2" * 64
    names = [f"web{number}" for number in range(10)]
    hosts: dict[str, Any] = {name: [] for name in [*names, "db1"]}
    write_journal("r-1", {"web1": [], "db1": []}, started="2026-04-01T00:00:00.000Z")
    write_journal("r-2", {"web1": [], "db1": []}, desired={"web1": one, "db1": one})
    digests = dict.fromkeys(names, one) | {"db1": other}
    write_journal("r-3", hosts, started=RECENT, desired=digests)

    heading, *rows = asks("history", "-v")[1].splitlines()
    assert heading.endswith("DESIRED")
    assert [row.rpartition("  ")[2].strip() for row in rows] == ["2 states", one[:12], "-"]
    assert one[:12] not in asks("history")[1]
    told = json.loads(asks("history", "--output", "json")[1])["runs"]
    assert [run["desired"] for run in told] == [
        digests,
        {"web1": one, "db1": one},
        {"web1": None, "db1": None},
    ]
    shown = asks("show", "r-3")[1].splitlines()
    named = ", ".join(names[:8])
    assert shown[1:3] == [
        f"desired state {one[:12]}: {named}, 2 more",
        f"desired state {other[:12]}: db1",
    ]
    assert "desired" not in asks("show", "r-1")[1]


def test_history_says_when_there_are_more(write_journal: Any, asks: Any) -> None:
    for number in range(4):
        write_journal(f"r-{number}", {"web1": []})

    _, text, errors = asks("history", "-n", "3")
    assert len(text.splitlines()) == 4
    assert "older ones: -n 30, or -n 0 for all" in errors
    assert len(asks("history", "-n", "0")[1].splitlines()) == 5


def test_history_is_filtered_and_is_json(write_journal: Any, asks: Any) -> None:
    write_journal("r-1", {"web1": [(A, "changed")]}, started=RECENT)
    write_journal("r-2", {"web2": [(A, "ok")]}, started="2020-01-01T00:00:00.000Z")

    def found(*words: str) -> list[str]:
        _, text, _ = asks("history", "--output", "json", *words)
        document = json.loads(text)
        assert document["schema"] == 1
        return [run["run"] for run in document["runs"]]

    assert found() == ["r-1", "r-2"]
    assert found("--host", "web2") == ["r-2"]
    assert found("--since", "7d") == ["r-1"]
    assert found("--changed") == ["r-1"]
    assert found("--resource", A, "--host", "web1") == ["r-1"]
    assert found("--resource", "file[/x]") == []
    assert asks("history", "--host", "nobody")[1] == "no runs\n"


def test_blame_says_who_when_and_from_what(write_journal: Any, asks: Any) -> None:
    write_journal("r-1", {"web1": [(A, "changed")], "web2": [(A, "changed")]})
    write_journal("r-2", {"web1": [(A, "ok")]}, started=RECENT)

    status, text, _ = asks("blame", A, "--host", "web1")
    assert status == 0
    assert "  r-1  web1  changed by ann@laptop at 0123456789  [r.py:3]\n" in text
    assert "      mode: 0600 -> 0644\n" in text
    assert "web2" not in text
    assert f"      +new {A}\n" in asks("blame", A, "-v")[1]
    document = json.loads(asks("blame", A, "--output", "json")[1])
    assert [change["host"] for change in document["changes"]] == ["web1", "web2"]
    assert asks("blame", "file[/etc/nginx/nginx.cnf]")[0] == 1


def test_a_resource_that_was_always_in_line_is_nobodys_fault(write_journal: Any, asks: Any) -> None:
    write_journal("r-1", {"web1": [(A, "ok")]})

    assert asks("blame", A)[:2] == (0, "no recorded run has changed it\n")


def test_prune_says_what_it_forgets_and_a_dry_run_forgets_nothing(
    write_journal: Any, asks: Any
) -> None:
    write_journal("r-1", {"web1": []}, started="2020-01-01T00:00:00.000Z")
    write_journal("r-2", {"web1": []}, started=RECENT)

    assert (
        asks("history", "prune", "--keep", "90d", "--dry-run")[1] == "1 runs would be forgotten\n"
    )
    _, text, _ = asks("history", "prune", "--keep", "90d", "--output", "json")
    assert json.loads(text) == {"schema": 1, "dry_run": False, "runs": 1}
    assert [line.split()[0] for line in asks("history")[1].splitlines()] == ["RUN", "r-2"]
    assert asks("history", "prune")[0] == 1


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("90m", timedelta(minutes=90)),
        ("12h", timedelta(hours=12)),
        ("1.5h", timedelta(minutes=90)),
        ("7d", timedelta(days=7)),
        ("2w", timedelta(weeks=2)),
        ("0s", timedelta()),
    ],
)
def test_spans_of_time(text: str, meant: timedelta) -> None:
    assert span(text) == meant


@pytest.mark.parametrize(
    "text", ["7", "d", "-1d", "7 d", "1.5", "1,5h", "7y", "", "٣d", "999999999w"]
)
def test_what_is_no_span_of_time_is_said(text: str, asks: Any) -> None:
    status, _, errors = asks("history", f"--since={text}")

    assert status == 1
    assert f"argument --since: {text!r} is" in errors


def test_nothing_that_is_read_back_drives_the_terminal(write_journal: Any, asks: Any) -> None:
    evil = "file[/\x1b]2;owned\x07\x9b2J]"
    write_journal("r-1", {"web\x1b[2J": [(evil, "changed")]}, revision="\x1b[31m")

    for words in (["history"], ["show", "last", "-v"], ["blame", evil, "-v"]):
        status, text, _ = asks(*words)
        assert status == 0
        assert not {"\x1b", "\x07", "\x9b"} & set(text)
        assert "\\x1b" in text


def test_a_team_keeps_its_history_on_a_server(
    recipe: Path, server: str, state: Path, asks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run sends its journal itself, when it has printed its report."""
    monkeypatch.setenv("COOK_STORE", server)
    asks("converge", "r.py", "--local")
    _wait_until_sent(state)
    assert recipe.exists()

    monkeypatch.setenv("COOK_STATE", str(state / "of-somebody-else"))
    _, text, errors = asks("history", "--output", "json")

    [run] = json.loads(text)["runs"]
    assert (run["changed"], errors) == (1, "")
    monkeypatch.delenv("COOK_STORE")
    assert asks("history")[1] == "no runs\n"
    assert len(json.loads(asks("history", "--store", server, "--output", "json")[1])["runs"]) == 1


@pytest.mark.usefixtures("recipe")
def test_a_store_that_is_away_costs_a_run_nothing_and_is_told_later(
    state: Path, server: str, asks: Any
) -> None:
    gone = "postgresql://u:hunter2@127.0.0.1:1/cook"
    status, _, errors = asks("converge", "r.py", "--local", "--store", gone)
    assert (status, errors) == (0, "")
    [folder] = (path for path in (state / "journal").iterdir() if path.is_dir())
    eventually((folder / "failed").exists)

    status, _, errors = asks("history", "--store", gone)
    assert status == 1
    assert "cook: the history at postgresql" in errors
    assert "hunter2" not in errors
    assert len(list(folder.glob("*.jsonl"))) == 1
    assert not any(b"hunter2" in path.read_bytes() for path in folder.iterdir())

    with History.open(server) as history:
        assert history.runs() == []  # another store's runs are not put into it


@pytest.mark.parametrize("content", ["a letter to my aunt\n" * 100, None])
def test_a_history_that_cannot_take_in_a_run_is_named_at_its_end(
    recipe: Path, state: Path, asks: Any, content: str | None
) -> None:
    """The run is as it would be, and its journal waits for a history."""
    state.mkdir()
    history = state / "history.db"
    history.mkdir() if content is None else history.write_text(content)
    why = (
        f"{history}: Is a directory" if content is None else f"{history} is not an SQLite database"
    )

    status, _, errors = asks("converge", "r.py", "--local")

    assert (status, recipe.read_text()) == (0, "hello\n")
    assert errors == (
        f"cook: the history cannot take in this run: {why}; its journal is kept in"
        f" {state / 'journal'}\n"
    )
    history.rmdir() if content is None else history.unlink()
    assert json.loads(asks("history", "--output", "json")[1])["runs"][0]["changed"] == 1


@pytest.mark.usefixtures("recipe")
def test_a_transfer_that_failed_is_told_once_by_the_next_run(state: Path, asks: Any) -> None:
    asks("converge", "r.py", "--local")
    folder = state / "journal"
    (folder / "failed").write_text("database disk image is malformed")

    status, _, errors = asks("converge", "r.py", "--local")
    assert status == 0
    assert errors == (
        "cook: runs could not be sent to the store when they were over: database disk image is"
        f" malformed; their journals are kept in {folder}\n"
    )
    assert asks("converge", "r.py", "--local")[2] == ""


def test_a_setting_names_the_store(
    tmp_path: Path, server: str, asks: Any, monkeypatch: pytest.MonkeyPatch, write_journal: Any
) -> None:
    write_journal("r-1", {"web1": []}, url=server)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "cook").mkdir()
    settings = tmp_path / "cook/settings.yml"
    settings.write_text(f"store: {server}\n")
    assert "r-1" in asks("history")[1]

    wrong = {
        "store: [1]": "1: store must be a text, not a list",
        "\n- store": "2: it must be a mapping, not a list",
        "store: [": "2:1: not YAML: ",
    }
    for text, said in wrong.items():
        settings.write_text(text)
        status, _, errors = asks("history")
        assert status == 1
        assert errors.startswith(f"cook: {settings}:{said}")


def test_a_run_does_not_load_the_database(recipe: Path) -> None:
    """The law of start-up: who is not asked loads nothing."""
    code = (
        "import sys; from cookbook.cli import main; main(['converge', 'r.py', '--local'])\n"
        "assert not {'sqlalchemy', 'alembic', 'sqlite3'} & set(sys.modules), 'loaded'"
    )
    subprocess.run(
        [sys.executable, "-c", code], check=True, env=os.environ, stdout=subprocess.DEVNULL
    )

    asking = (
        "import sys; from cookbook.cli import main; main(['history'])\n"
        "sys.exit('alembic' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", asking], check=True, stdout=subprocess.DEVNULL)
    assert recipe.exists()


def test_examples_of_spans_and_revisions_are_true() -> None:
    import doctest

    assert doctest.testmod(spans_module).failed == 0
    assert short("0123456789abcdef0123456789abcdef01234567-dirty") == "0123456789-dirty"
    assert short("v1.2-3-gabc") == "v1.2-3-gabc"


def _wait_until_sent(state: Path) -> None:
    eventually(lambda: not list(state.rglob("*.jsonl")))
