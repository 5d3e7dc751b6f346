"""A history of an older version opens in this one, with all that is in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from cookbook.history.store import History
from cookbook.history.store import database as opening
from cookbook.history.store.database import Database
from cookbook.history.store.migrations import configuration, upgrade
from cookbook.history.store.tables import HEAD, metadata

_OLD = """
INSERT INTO texts VALUES (1001, 'd1', '{"id": "file[/a]", "where": "r.py:3", "status": "changed",
 "kind": "create", "changes": {"mode": [null, "0644"]}}');
INSERT INTO runs VALUES (1001, 'old-1', 'finished', 'converge', '2026-01-01T00:00:00.000Z', 2.5, 0,
 '0.1.0', 'ann@laptop', NULL, '["cook"]', '["r.py"]', NULL, 'abc', 1, 0, 0);
INSERT INTO hosts VALUES (1001, 1001, 0, 'web1', 'm1', 'changed', 0.0, 2.0, 3, NULL);
INSERT INTO steps VALUES (1001, 1001, 0, 'file[/a]', 'changed', 'create', 0.1, 0.2, 1001, NULL)
"""


def make_old(url: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A history as the first version has made it, with a run in it."""

    def first(connection: Connection, _revision: str | None) -> None:
        upgrade(connection, "0001")
        for statement in _OLD.split(";"):
            connection.exec_driver_sql(statement)

    with monkeypatch.context() as patch:
        patch.setattr(opening, "_to_head", first)
        Database(url).close()


def test_an_old_history_opens_in_this_version(
    url: str | None, monkeypatch: pytest.MonkeyPatch, write_journal: Any
) -> None:
    make_old(url, monkeypatch)
    write_journal("new-1", {"web1": [("file[/a]", "ok")]}, machine="m1", url=url)

    for _ in range(2):
        with History.open(url) as history:
            assert [run.run for run in history.runs()] == ["new-1", "old-1"]
            [change] = history.blame("file[/a]", "web1")
            assert (change.run, change.revision) == ("old-1", "abc")
            document = history.document("old-1")
            assert document["hosts"]["web1"]["in_line"] is None
            [told] = document["hosts"]["web1"]["resources"]
            assert (told["changes"], told["excused"]) == ({"mode": [None, "0644"]}, None)


def test_migrated_and_new_tables_are_the_same(
    url: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_old(url, monkeypatch)
    database = Database(url)
    try:
        with database.reading() as connection:
            assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    finally:
        database.close()


def test_the_newest_migration_is_the_one_that_the_tables_name(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/x.db")
    try:
        with database.reading() as connection:
            scripts = ScriptDirectory.from_config(configuration(connection))
            assert scripts.get_heads() == [HEAD]
            stored = connection.execute(text("SELECT version_num FROM alembic_version")).scalars()
            assert list(stored) == [HEAD]
    finally:
        database.close()


def test_a_migration_that_fails_leaves_the_old_history(
    url: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it is one transaction, in SQLite, too."""
    make_old(url, monkeypatch)

    def fails(connection: Connection, revision: str = "head") -> None:
        upgrade(connection, revision)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("cookbook.history.store.migrations.upgrade", fails)
        with pytest.raises(KeyboardInterrupt):
            Database(url)

    with History.open(url) as history:
        assert [run.run for run in history.runs()] == ["old-1"]
