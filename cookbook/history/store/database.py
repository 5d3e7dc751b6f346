"""A connection to the store: SQLite in the user's state directory, or the team's PostgreSQL."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from cookbook.errors import HistoryError
from cookbook.history.store.tables import HEAD, metadata
from cookbook.text.user_dirs import private_folder, state_folder

_BUSY = 30.0
"""Seconds to wait for another one who writes."""
_LOCK = 0xC00C
"""The key of the advisory lock in PostgreSQL: one writer at a time, as in SQLite."""


class Database:
    """The database of the history; opening it creates or migrates its tables."""

    def __init__(self, url: str | None) -> None:
        """
        Connect.

        Raises HistoryError if that cannot be, or the history is of a newer version.
        """
        self._url = _parsed(url)
        self._engine = _engine(self._url)
        try:
            self._prepare()
        except BaseException:
            self.close()
            raise

    @property
    def sqlite(self) -> bool:
        """Return True if it is an SQLite file."""
        return self._url.get_backend_name() == "sqlite"

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """
        Open a transaction with a consistent view.

        Raises HistoryError for any error of the database.
        """
        with self._told(), self._engine.connect() as connection, connection.begin():
            try:
                yield connection
            except (ValueError, KeyError, TypeError) as error:
                raise HistoryError(
                    f"the history holds what cook has not written: {error}"
                ) from error

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """
        Open a transaction that excludes other writers.

        Raises HistoryError for any error of the database.
        """
        with self._told(), self._engine.connect() as plain:
            connection = plain.execution_options(writes=True)
            with connection.begin():
                if not self.sqlite:
                    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
                yield connection

    def shrink(self) -> None:
        """Give the room of what was deleted back to the disk; a server does so by itself."""
        if self.sqlite:
            with self._told(), contextlib.closing(self._engine.raw_connection()) as connection:
                connection.cursor().executescript("PRAGMA incremental_vacuum")

    def close(self) -> None:
        """Let go of it."""
        self._engine.dispose()

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, sqlite3.Error) as error:
            reason = str(getattr(error, "orig", None) or error).strip().split("\n")[0]
            where = self._url.render_as_string(hide_password=True)
            raise HistoryError(
                f"the history at {where}: {reason}", hint="see docs/history.md, Stores"
            ) from error

    def _prepare(self) -> None:
        with self.reading() as connection:
            revision = _revision(connection)
        if revision == HEAD:
            return
        with self.writing() as connection:
            _to_head(connection, _revision(connection))


def _to_head(connection: Connection, revision: str | None) -> None:
    if revision is None:
        metadata.create_all(connection)
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})
    elif revision > HEAD:
        raise HistoryError(
            f"the history is of a newer version of cook: its tables are {revision}, not {HEAD}",
            hint="use that version, or another --store",
        )
    elif revision < HEAD:
        from cookbook.history.store.migrations import (
            upgrade,  # alembic takes as long as all the rest
        )

        upgrade(connection)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def _parsed(given: str | None) -> URL:
    if given is None:
        return URL.create("sqlite", database=str(state_folder() / "history.db"))
    try:
        url = make_url(given)
    except ArgumentError:
        url = None
    if (
        url is None
        or not url.database
        or url.drivername not in ("sqlite", "postgresql", "postgres")
    ):
        raise HistoryError(
            "the store has to be a URL like postgresql://ann@db.example/cook or"
            " sqlite:////srv/cook.db",
            hint="is it --store, COOK_STORE, or the setting?",
        )
    return url.set(drivername="sqlite" if url.drivername == "sqlite" else "postgresql+psycopg")


def _engine(url: URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        return _postgres(url)
    path = Path(url.database or "")
    try:
        private_folder(path.parent)
        path.touch(mode=0o600)
    except OSError as error:
        raise HistoryError(f"the history at {path}: {error.strerror}") from None
    engine = create_engine(url, connect_args={"timeout": _BUSY})
    event.listen(engine, "connect", _sqlite_connected)
    event.listen(engine, "begin", _sqlite_begin)
    return engine


def _postgres(url: URL) -> Engine:
    try:
        return create_engine(url, poolclass=NullPool, connect_args={"connect_timeout": 10})
    except ModuleNotFoundError:
        raise HistoryError(
            "PostgreSQL needs the library psycopg",
            hint="pip install 'cook-converge[postgres]'",
        ) from None


def _sqlite_connected(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # BEGIN is sent here: also before a table is made
    cursor = connection.cursor()
    # Before the first table is made, or never: what is pruned is given back to the disk.
    cursor.execute("PRAGMA auto_vacuum = INCREMENTAL")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _sqlite_begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
