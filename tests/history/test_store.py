"""What the history answers, of SQLite and of a real PostgreSQL alike."""

from __future__ import annotations

import shutil
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text

from cookbook.errors import HistoryError, UsageError
from cookbook.history.store import History
from cookbook.history.store.database import Database
from cookbook.history.store.tables import hosts, runs, steps, texts

A, B = "file[/a]", "file[/b]"


def day(number: int) -> str:
    return f"2026-05-{number:02d}T12:00:00.000Z"


def rows(url: str | None, table: Any) -> int:
    database = Database(url)
    try:
        with database.reading() as connection:
            return connection.execute(select(func.count()).select_from(table)).scalar_one()
    finally:
        database.close()


def test_a_run_is_read_as_it_was_told(url: str | None, write_journal: Any) -> None:
    path = write_journal("r-1", {"web1": [(A, "changed"), (B, "ok")], "web2": []}, url=url)

    with History.open(url) as history:
        document = history.document("r-1")
        told = history.steps("r-1")
        machines = history.machine_ids("r-1")
        [summary] = history.runs()

    assert not path.exists()
    assert (document["mode"], document["exit"], document["seconds"]) == ("converge", 0, 1.5)
    assert document["sources"] == {"r.py": "ab"}
    assert document["totals"]["changed"] == document["totals"]["ok"] == 1
    [first, second] = document["hosts"]["web1"]["resources"]
    assert (first["id"], first["status"], first["began"], first["seconds"]) == (
        A,
        "changed",
        0.1,
        0.2,
    )
    assert first["diff"] == f"-old {A}\n+new {A}"
    assert second["diff"] is None
    assert document["hosts"]["web2"]["resources"] == []
    assert [one.document["id"] for one in told["web1"]] == [A, B]
    assert told["web1"][0].state is not None
    assert told["web1"][0].state["left"] == {"content": f"wanted {A}"}
    assert machines == {"web1": "m-web1", "web2": "m-web2"}
    assert summary.hosts == {"web1": "changed", "web2": "ok"}
    assert (summary.state, summary.changed, summary.failed) == ("finished", 1, 0)


def test_what_is_said_again_is_kept_once(url: str | None, write_journal: Any) -> None:
    for number in range(5):
        write_journal(f"r-{number}", {f"web{number}": [(A, "ok"), (B, "ok")]}, url=url)
    with History.open(url):
        pass

    assert rows(url, steps) == 10
    assert rows(url, texts) == 5  # two documents, two states, the digests of the recipes


def test_reading_a_journal_twice_changes_nothing(
    url: str | None, write_journal: Any, tmp_path: Path
) -> None:
    """A reader that is killed between commit and deletion leaves the journal behind."""
    path = write_journal("r-1", {"web1": [(A, "ok")]}, url=url)
    shutil.copy(path, tmp_path / "again")
    with History.open(url):
        shutil.copy(tmp_path / "again", path)
    with History.open(url) as history:
        assert len(history.runs()) == 1

    assert not path.exists()
    assert [rows(url, table) for table in (runs, hosts, steps)] == [1, 1, 1]


def test_a_killed_run_that_is_read_in_two_parts_is_one_run(
    url: str | None, write_journal: Any
) -> None:
    write_journal("r-1", {"web1": [(A, "ok")]}, finished=False, url=url)
    with History.open(url) as history:
        assert history.runs()[0].state == "interrupted"
        assert history.document("last")["exit"] == 130
    write_journal("r-1", {"web1": [(A, "ok"), (B, "ok")]}, url=url)
    with History.open(url) as history:
        assert history.runs()[0].state == "finished"
        assert len(history.steps("r-1")["web1"]) == 2


def test_a_run_is_named_by_either_end_or_last(url: str | None, write_journal: Any) -> None:
    write_journal("20260501T120000-aa11", {"web1": []}, started=day(1), url=url)
    write_journal("20260502T120000-bb22", {"web1": []}, started=day(2), url=url)

    with History.open(url) as history:
        names = {key: history.document(key)["run"] for key in ("last", "aa11", "20260501", "22")}
        with pytest.raises(UsageError, match="may be any of 20260502T120000-bb22, 20260501"):
            history.document("2026")
        for wrong in ("cc", "%", "_"):
            with pytest.raises(UsageError, match="there is no run"):
                history.document(wrong)

    assert [name[-4:] for name in names.values()] == ["bb22", "aa11", "aa11", "bb22"]


def test_runs_are_found_by_host_resource_time_and_change(
    url: str | None, write_journal: Any
) -> None:
    now = datetime.now(UTC)

    def ago(days: int) -> str:
        return (
            (now - timedelta(days=days)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        )

    write_journal("r-1", {"web1": [(A, "changed")], "web2": [(A, "ok")]}, started=ago(9), url=url)
    write_journal("r-2", {"web2": [(A, "changed"), (B, "ok")]}, started=ago(5), url=url)
    write_journal("r-3", {"web1": [(B, "ok")]}, started=ago(1), url=url)

    with History.open(url) as history:

        def found(**words: Any) -> list[str]:
            return [run.run for run in history.runs(**words)]

        assert found() == ["r-3", "r-2", "r-1"]
        assert found(limit=2) == ["r-3", "r-2"]
        assert found(host="web1") == ["r-3", "r-1"]
        assert found(host="web2", changed=True) == ["r-2"]
        assert found(resource=A) == ["r-2", "r-1"]
        assert found(resource=A, host="web2") == ["r-2", "r-1"]
        assert found(resource=B, changed=True) == []
        assert found(since=timedelta(days=7)) == ["r-3", "r-2"]
        assert found(changed=True) == ["r-2", "r-1"]


def test_a_recorded_look_is_no_run_that_changed_something(
    url: str | None, write_journal: Any
) -> None:
    """A drift report has resources to change; `cook undo` sent its reader to `--changed`."""
    write_journal("r-1", {"web1": [(A, "changed")]}, started=day(1), url=url)
    write_journal("r-2", {"web1": [(A, "changed")]}, mode="drift", started=day(2), url=url)

    with History.open(url) as history:
        assert [run.run for run in history.runs()] == ["r-2", "r-1"]
        found = [
            history.runs(changed=True),
            history.runs(changed=True, host="web1"),
            history.runs(changed=True, resource=A),
        ]
    assert [[run.run for run in runs] for runs in found] == [["r-1"]] * 3


def test_blame_names_who_changed_it_and_from_what(url: str | None, write_journal: Any) -> None:
    write_journal("r-1", {"web1": [(A, "changed")]}, started=day(1), revision="a" * 40, url=url)
    write_journal("r-2", {"web1": [(A, "ok")]}, started=day(2), url=url)
    write_journal("r-3", {"web1": [(A, "changed")]}, mode="plan", started=day(3), url=url)
    write_journal(
        "r-4", {"web1": [(A, "failed")], "web2": [(A, "changed")]}, started=day(4), url=url
    )

    with History.open(url) as history:
        on_one = history.blame(A, "web1")
        everywhere = history.blame(A)
        newest = history.blame(A, limit=2)
        with pytest.raises(UsageError, match=r"no recorded run knows file\[/b\] on web1") as caught:
            history.blame(B, "web1")

    assert [(one.run, one.status) for one in on_one] == [("r-4", "failed"), ("r-1", "changed")]
    assert on_one[-1].revision == "a" * 40
    assert on_one[-1].changes == {"mode": ["0600", "0644"]}
    assert [(one.run, one.host) for one in everywhere[:2]] == [("r-4", "web1"), ("r-4", "web2")]
    assert newest == everywhere[:2]
    assert caught.value.hint == "did you mean 'file[/a]'?"


def test_prune_forgets_old_runs_and_what_only_they_said(
    url: str | None, write_journal: Any
) -> None:
    write_journal(
        "old", {"web1": [(A, "changed"), (B, "ok")]}, started="2020-01-01T00:00:00.000Z", url=url
    )
    write_journal("new", {"web1": [(B, "ok")]}, started="2999-01-01T00:00:00.000Z", url=url)

    with History.open(url) as history:
        assert history.older_than(timedelta(days=90)) == 1
        assert len(history.runs()) == 2
        assert history.prune(timedelta(days=90)) == 1
        assert history.prune(timedelta(days=90)) == 0
        assert [run.run for run in history.runs()] == ["new"]
        assert history.document("new")["hosts"]["web1"]["resources"][0]["id"] == B

    assert [rows(url, table) for table in (runs, hosts, steps, texts)] == [1, 1, 1, 3]


def test_what_is_pruned_is_given_back_to_the_disk(state: Path, write_journal: Any) -> None:
    many = [(f"file[/{number}]", "changed") for number in range(2000)]
    write_journal("old", {"web1": many}, started="2020-01-01T00:00:00.000Z")
    with History.open():
        pass
    before = (state / "history.db").stat().st_size

    with History.open() as history:
        history.prune(timedelta(days=1))

    assert (state / "history.db").stat().st_size < before / 4


def test_what_our_latest_run_left_is_known_by_machine_whatever_its_name(
    url: str | None, write_journal: Any
) -> None:
    write_journal(
        "r-1", {"web1": [(A, "changed"), (B, "ok")]}, machine="m", started=day(1), url=url
    )
    write_journal("r-2", {"renamed": [(A, "changed")]}, machine="m", started=day(2), url=url)
    write_journal("r-3", {"web1": [(A, "changed")]}, machine="another", started=day(3), url=url)

    with History.open(url) as history:
        known = history.of("web1", "m", [A, B, "file[/never]"])
        nobody = history.of("web9", "m-9", [A])

    assert nobody == {}
    assert known.keys() == {A, B}
    assert (known[A].run, known[A].in_line, known[A].since) == ("r-2", True, None)
    assert known[B].left == {"content": f"wanted {B}"}
    assert known[B].run == "r-1"


@pytest.mark.parametrize(
    ("observed", "since", "in_line"),
    [
        ([("converge", "ok")], None, True),
        ([("converge", "changed")], None, True),
        ([("converge", "failed")], 1, False),
        ([("converge", "failed"), ("converge", "failed")], 1, False),
        ([("converge", "ok"), ("drift", "changed")], 2, True),
        ([("converge", "ok"), ("drift", "changed"), ("plan", "changed")], 2, True),
        ([("converge", "ok"), ("drift", "changed"), ("drift", "ok")], None, True),
        ([("drift", "changed"), ("converge", "changed"), ("drift", "changed")], 3, True),
        ([("converge", "ok"), ("drift", "changed"), ("converge", "not-run")], 2, True),
        ([("drift", "changed"), ("drift", "ok"), ("converge", "failed")], 3, False),
    ],
)
def test_since_is_the_first_of_the_unbroken_row_of_runs_that_saw_it_out_of_line(
    write_journal: Any, observed: list[tuple[str, str]], since: int | None, *, in_line: bool
) -> None:
    for number, (mode, status) in enumerate(observed, 1):
        write_journal(f"r-{number}", {"web1": [(A, status)]}, mode=mode, started=day(number))

    with History.open() as history:
        known = history.of("web1", "m-web1", [A])[A]

    assert known.since == (day(since) if since else None)
    assert known.in_line == in_line


def test_a_store_is_read_by_a_user_who_may_only_read_it(server: str, write_journal: Any) -> None:
    import psycopg

    write_journal("r-1", {"web1": []}, started=day(1), url=server)
    History.open(server).close()
    with psycopg.connect(server) as connection:
        connection.execute("CREATE ROLE reader LOGIN")
        connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
    reader = server.replace("://cook@", "://reader@")
    path = write_journal("r-2", {"web1": []}, started=day(2), url=reader)

    with History.open(reader, whole=False) as history:
        assert [run.run for run in history.runs()] == ["r-1"]
    [warning] = history.warnings
    assert "the newest runs of this machine are not shown" in warning
    assert "permission denied" in warning
    with pytest.raises(HistoryError, match="permission denied"):
        History.open(reader)
    assert path.exists()


def test_a_store_of_a_newer_version_is_refused(url: str | None) -> None:
    database = Database(url)
    with database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    database.close()

    with pytest.raises(HistoryError, match="of a newer version of cook: its tables are 9999"):
        History.open(url)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("mysql://a/b", "the store has to be a URL like"),
        ("history.db", "the store has to be a URL like"),
        ("sqlite://", "the store has to be a URL like"),
        ("sqlite:////dev/null/x.db", "x.db: File exists"),
        ("postgresql://u:hunter2@127.0.0.1:1/x", r"u:\*\*\*@127.0.0.1:1/x: .*refused"),
    ],
)
def test_a_store_that_is_none_is_said_without_its_password(given: str, said: str) -> None:
    with pytest.raises(HistoryError, match=said) as caught:
        History.open(given)

    assert "hunter2" not in str(caught.value)


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    path.write_text("a letter to my aunt\n" * 100)

    with pytest.raises(HistoryError, match="file is not a database"):
        History.open(f"sqlite:///{path}")

    assert path.read_text().startswith("a letter")


@pytest.mark.parametrize("body", ["{}", "[]", "{", '{"id": 3}', "[" * 100_000])
def test_what_cook_has_not_written_is_an_error_and_no_crash(
    state: Path, write_journal: Any, body: str
) -> None:
    write_journal("r-1", {"web1": [(A, "changed")]})
    with History.open():
        pass
    connection = sqlite3.connect(state / "history.db")
    connection.execute("UPDATE texts SET body = ?", (body,))
    connection.commit()
    connection.close()

    with History.open() as history:
        for ask in (history.document, history.steps):
            with pytest.raises(HistoryError, match="what cook has not written"):
                ask("r-1")
