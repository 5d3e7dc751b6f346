"""Extensions, in pg_extension."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cookbook.provider import Change, Command, Probe, Thing, hint, provides
from cookbook.providers.databases import SqlName, listed
from cookbook.providers.postgresql import (
    PostgresqlProvider,
    at_port,
    query,
    row_of,
    sql,
    statements,
)
from cookbook.resources.postgresql_extension import PostgresqlExtension

EXTENSION = query(
    "extension",
    "SELECT jsonb_build_object('available', EXISTS (SELECT FROM pg_available_extensions WHERE name"
    " = k.a), 'schema there', k.b = '' OR EXISTS (SELECT FROM pg_namespace WHERE nspname = k.b),"
    " 'version', extversion, 'schema', n.nspname)::text FROM (SELECT 1) one LEFT JOIN pg_extension"
    " ON extname = k.a LEFT JOIN pg_namespace n ON n.oid = extnamespace",
)


@dataclass(frozen=True)
class State:
    """An extension."""

    version: str | None = None
    schema: str | None = None
    extension: str = hint(default="")
    database: str = hint(default="")
    cascade: bool = hint(default=False)
    port: int | None = hint()


@provides(PostgresqlExtension)
class PostgresqlExtensionProvider(PostgresqlProvider[PostgresqlExtension, State]):
    """Compares version and schema."""

    kind = "postgresql_extension"

    def probe(self, extension: PostgresqlExtension) -> Probe:
        """Ask for the extension, and whether its files are there."""
        names = (extension.extension_name, extension.schema or "")
        return EXTENSION.about(*names, port=extension.port, database=extension.database)

    def parse(self, extension: PostgresqlExtension, text: str) -> State | None:
        """Return version and schema."""
        row = row_of(text)
        if row is None or row["version"] is None:
            return None
        return _state(extension, str(row["version"]), str(row["schema"]))

    def plan(self, extension: PostgresqlExtension, found: State | None) -> Change[State]:
        """Compare what is declared."""
        if extension.action == "drop":
            return Change(found, None)
        return Change(found, _state(extension, extension.version, extension.schema))

    def commands(self, name: str, change: Change[State]) -> Iterable[Command]:
        """Create, update, move or drop it."""
        side = change.wanted or change.found or State()
        extension = SqlName(side.extension)
        cascade = [sql("CASCADE")] if side.cascade else []
        parts = []
        if change.wanted is None:
            parts.append(listed([sql("DROP EXTENSION {}", extension), *cascade], " "))
        elif change.found is None:
            words = [sql("CREATE EXTENSION {}", extension)]
            if side.schema is not None:
                words.append(sql("SCHEMA {}", SqlName(side.schema)))
            if side.version is not None:
                words.append(sql("VERSION {}", SqlName(side.version)))
            parts.append(listed([*words, *cascade], " "))
        else:
            todo = {field: pair[1] for field, pair in change.fields.items()}
            if "version" in todo:
                version = SqlName(todo["version"])
                parts.append(sql("ALTER EXTENSION {} UPDATE TO {}", extension, version))
            if "schema" in todo:
                schema = SqlName(todo["schema"])
                parts.append(sql("ALTER EXTENSION {} SET SCHEMA {}", extension, schema))
        yield statements(*parts, port=side.port, database=side.database)

    def needs(self, extension: PostgresqlExtension, *answers: str | None) -> Iterable[Thing]:
        """Yield the database, the schema, and the files of the extension."""
        row = row_of(answers[0]) if answers else None
        if row is None:
            yield Thing("postgresql_database", at_port(extension.port, extension.database))
            return
        if row["available"] is not True:
            yield Thing("extension", extension.extension_name)
        if row["schema there"] is not True:
            yield Thing("schema", str(extension.schema))

    def about(self, extension: PostgresqlExtension) -> Iterable[Thing]:
        """Yield also the database: its template may bring the extension."""
        yield from super().about(extension)
        yield Thing("postgresql_database", at_port(extension.port, extension.database))

    def lost(self, name: str, change: Change[State]) -> str | None:
        """Describe what goes with it."""
        if change.wanted is None and change.found is not None and change.found.cascade:
            return "what needed it, and what it had stored"
        return super().lost(name, change)

    def unobtainable(self, name: str, change: Change[State], now: State | None) -> str | None:
        """Return the reason why an update cannot be undone: scripts lead to later versions only."""
        if change.found is None or change.wanted is None or "version" not in change.fields:
            return None
        return f"an extension is not updated back to {change.found.version}"


def _state(extension: PostgresqlExtension, version: str | None, schema: str | None) -> State:
    return State(
        version,
        schema,
        extension.extension_name,
        extension.database,
        extension.cascade,
        extension.port,
    )
