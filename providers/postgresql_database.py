"""Databases, in pg_database."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from cookbook.errors import HostError
from cookbook.provider import Change, Command, Probe, Thing, hint, provides
from cookbook.providers.databases import Sql, SqlName, ask_about, listed, told_about
from cookbook.providers.postgresql import (
    CATALOGUE,
    PostgresqlProvider,
    at_port,
    bare_name,
    query,
    row_of,
    sql,
    statements,
)
from cookbook.providers.postgresql_role import ROLE
from cookbook.resources.postgresql_database import PostgresqlDatabase

DATABASE = query(
    "database",
    "SELECT jsonb_build_object('owner', pg_get_userbyid(datdba), 'encoding',"
    " pg_encoding_to_char(encoding), 'lc_collate', datcollate, 'lc_ctype', datctype,"
    " 'connection_limit', datconnlimit, 'comment', coalesce(shobj_description(oid, 'pg_database'),"
    " ''))::text FROM pg_database WHERE datname = k.a",
)

CONTENT = query(
    "content",
    "SELECT jsonb_build_object('objects', (SELECT count(*) FROM (SELECT oid, relnamespace AS space"
    " FROM pg_class UNION ALL SELECT oid, pronamespace FROM pg_proc) o WHERE space NOT IN (SELECT"
    " oid FROM pg_namespace WHERE nspname ~ '^pg_' OR nspname = 'information_schema') AND NOT"
    " EXISTS (SELECT FROM pg_depend d WHERE d.objid = o.oid AND d.deptype = 'e')) + (SELECT"
    " count(*) FROM pg_largeobject_metadata), 'database', k.a)::text",
)
"""The number of tables, views, functions and large objects; to be asked in the database itself."""


@dataclass(frozen=True)
class State:
    """A database, without what is in it."""

    owner: str | None = None
    encoding: str | None = None
    lc_collate: str | None = None
    lc_ctype: str | None = None
    connection_limit: int | None = None
    comment: str | None = None
    template: str | None = hint()
    objects: int | None = hint()
    """The number of things in it; None if it is not known."""
    force: bool = hint(default=False)
    port: int | None = hint()


@provides(PostgresqlDatabase)
class PostgresqlDatabaseProvider(PostgresqlProvider[PostgresqlDatabase, State]):
    """Compares with the catalogue, changes by ALTER DATABASE; what cannot be altered is refused."""

    kind = "postgresql_database"

    def probe(self, database: PostgresqlDatabase) -> Sequence[Probe]:
        """Ask for the database, its owner and template; before a drop, for what is in it."""
        name, port = database.database_name, database.port
        asked = [DATABASE.about(name, port=port)]
        if database.action == "drop":
            return [*asked, CONTENT.about(name, port=port, database=name)]
        return [*asked, *(probe for probe, _ in _needed(database))]

    def parse(self, database: PostgresqlDatabase, text: str, *others: str | None) -> State | None:
        """Return the state; an encoding or a locale as declared if it is the same one."""
        row = row_of(text)
        if row is None:
            return None
        content = row_of(others[0]) if others and database.action == "drop" else None
        return State(
            owner=str(row["owner"]),
            encoding=_as_declared(str(row["encoding"]), database.encoding),
            lc_collate=_as_declared(str(row["lc_collate"]), database.lc_collate),
            lc_ctype=_as_declared(str(row["lc_ctype"]), database.lc_ctype),
            connection_limit=int(row["connection_limit"]),
            comment=str(row["comment"]),
            objects=int(content["objects"]) if content is not None else None,
            force=database.force,
            port=database.port,
        )

    def plan(self, database: PostgresqlDatabase, found: State | None) -> Change[State]:
        """Compare what is declared; raise HostError for what cannot be changed."""
        if database.action == "drop":
            if found is not None and found.objects != 0 and not database.force:
                raise HostError(
                    f"{database} is not empty: {_content(found.objects)}",
                    hint="dump it if its data are needed, then declare force=True: they are lost",
                )
            note = (
                f"its data are lost: {_content(found.objects)}" if found and found.objects else None
            )
            return Change(found, None, note=note)
        wanted = State(
            database.owner,
            database.encoding,
            database.lc_collate,
            database.lc_ctype,
            database.connection_limit,
            database.comment,
            template=database.template,
            force=database.force,
            port=database.port,
        )
        change = Change(found, wanted)
        for what, pair in change.fields.items() if found is not None else ():
            if what in ("encoding", "lc_collate", "lc_ctype"):
                raise HostError(
                    f"{what} of {database} is {pair[0]}, not {pair[1]}, and cannot be changed",
                    hint="dump it, make another one, and restore the dump there",
                )
        return change

    def commands(self, name: str, change: Change[State]) -> Iterable[Command]:
        """Create, alter or drop it."""
        side = change.wanted or change.found or State()
        database = SqlName(bare_name(name, side.port))
        if change.wanted is None:
            force = sql(" WITH (FORCE)") if side.force else Sql()
            yield statements(
                sql("DROP DATABASE {}{}", database, force), port=side.port, whole=False
            )
            return
        todo = {field: pair[1] for field, pair in change.fields.items()}
        parts = []
        if change.found is None:
            parts.append(_create(database, side))
        else:
            if "owner" in todo:
                parts.append(sql("ALTER DATABASE {} OWNER TO {}", database, SqlName(todo["owner"])))
            if "connection_limit" in todo:
                limit = todo["connection_limit"]
                parts.append(sql("ALTER DATABASE {} CONNECTION LIMIT {}", database, limit))
        if todo.get("comment") or ("comment" in todo and change.found is not None):
            parts.append(sql("COMMENT ON DATABASE {} IS {}", database, todo["comment"]))
        yield statements(*parts, port=side.port, whole=False)

    def needs(self, database: PostgresqlDatabase, *answers: str | None) -> Iterable[Thing]:
        """Yield the owner and the template."""
        needed = _needed(database)
        for (_, thing), answer in zip(needed, answers[1:] or [None] * len(needed), strict=True):
            if row_of(answer) is None:
                yield thing

    def alters(self, database: PostgresqlDatabase, change: Change[State] | None) -> Iterable[Thing]:
        """Yield the database; if it is dropped, also its owner, who owns less then."""
        yield Thing(self.kind, database.identity)
        if database.action == "drop" and change is not None and change.found is not None:
            yield Thing("postgresql_role", at_port(database.port, change.found.owner or ""))

    def lost(self, name: str, change: Change[State]) -> str | None:
        """Describe its data."""
        found = change.found
        if change.wanted is None and found is not None and found.objects:
            return f"what was in it: {_content(found.objects)}"
        return super().lost(name, change)

    def unobtainable(self, name: str, change: Change[State], now: State | None) -> str | None:
        """Return the reason why a dropped one does not come back: its data are gone."""
        if change.wanted is None and change.found is not None and change.found.objects:
            return "its data are gone with it: restore it from a dump"
        return None

    def preflight(self, changes: Sequence[tuple[str, Change[State]]]) -> Command | None:
        """Ask what is in the databases that would be dropped."""
        gone = [(name, c.found.port) for name, c in changes if c.found and c.wanted is None]
        named = [(name, bare_name(name, port), port) for name, port in gone]
        return ask_about(
            CATALOGUE,
            {name: CONTENT.about(bare, port=port, database=bare) for name, bare, port in named},
        )

    def objection(self, name: str, said: str, going: Collection[Thing]) -> str | None:
        """Return the reason that it is not empty."""
        told = told_about(name, said)
        row = row_of(told)
        if told is None or (row is not None and int(row["objects"]) == 0):
            return None
        what = _content(int(row["objects"]) if row is not None else None)
        return f"its data would be lost: {what}; `drop` with force=True does it"


def _needed(database: PostgresqlDatabase) -> list[tuple[Probe, Thing]]:
    """Return the probes for owner and template, and what they are."""
    port = database.port
    needed = []
    if database.owner is not None:
        owner = Thing("postgresql_role", at_port(port, database.owner))
        needed.append((ROLE.about(database.owner, port=port, loose=True), owner))
    if database.template is not None:
        template = Thing("postgresql_database", at_port(port, database.template))
        needed.append((DATABASE.about(database.template, port=port, loose=True), template))
    return needed


def _create(database: SqlName, wanted: State) -> Sql:
    fixed = {
        "ENCODING": wanted.encoding,
        "LC_COLLATE": wanted.lc_collate,
        "LC_CTYPE": wanted.lc_ctype,
    }
    words = [sql("CREATE DATABASE {}", database)]
    if wanted.owner is not None:
        words.append(sql("OWNER {}", SqlName(wanted.owner)))
    template = wanted.template or ("template0" if any(fixed.values()) else None)
    if template is not None:
        words.append(sql("TEMPLATE {}", SqlName(template)))
    words += [sql("{} {}", Sql(key), value) for key, value in fixed.items() if value is not None]
    if wanted.connection_limit is not None:
        words.append(sql("CONNECTION LIMIT {}", wanted.connection_limit))
    return listed(words, " ")


def _as_declared(found: str, declared: str | None) -> str:
    """Return the declared spelling of an encoding or a locale if it means the found one."""
    same = declared is not None and _plain(declared) == _plain(found)
    return declared if same and declared is not None else found


def _plain(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")


def _content(objects: int | None) -> str:
    what = "tables, views, sequences or functions"
    return "nothing is known of its content" if objects is None else f"{objects} {what}"
