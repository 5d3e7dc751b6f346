"""Databases, in information_schema.schemata."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from cookbook.errors import HostError
from cookbook.provider import Change, Command, Probe, Thing, hint, provides
from cookbook.providers.databases import Sql, SqlName, ask_about, listed, told_about
from cookbook.providers.mariadb import CATALOGUE, MariadbProvider, query, row_of, sql, statements
from cookbook.resources.mysql_database import MysqlDatabase

DATABASE = query(
    "database",
    "SELECT JSON_OBJECT('charset', default_character_set_name, 'collation', default_collation_name)"
    " FROM information_schema.schemata WHERE BINARY schema_name = {}",
)

CONTENT = query(
    "content",
    "SELECT JSON_OBJECT('objects', (SELECT count(*) FROM information_schema.tables WHERE BINARY"
    " table_schema = BINARY s.schema_name) + (SELECT count(*) FROM information_schema.routines"
    " WHERE BINARY routine_schema = BINARY s.schema_name) + (SELECT count(*) FROM"
    " information_schema.events WHERE BINARY event_schema = BINARY s.schema_name)) FROM"
    " information_schema.schemata s WHERE BINARY schema_name = {}",
)
"""The number of tables, views, routines and events in a database."""


@dataclass(frozen=True)
class State:
    """A database, without what is in it."""

    charset: str | None = None
    collation: str | None = None
    objects: int | None = hint()
    """The number of things in it; None if it is not known."""


@provides(MysqlDatabase)
class MysqlDatabaseProvider(MariadbProvider[MysqlDatabase, State]):
    """Compares character set and collation."""

    kind = "mysql_database"

    def probe(self, database: MysqlDatabase) -> Sequence[Probe]:
        """Ask for the database; before a drop, for what is in it."""
        asked = [DATABASE.about(database.identity)]
        drops = database.action == "drop"
        return [*asked, CONTENT.about(database.identity)] if drops else asked

    def parse(self, database: MysqlDatabase, text: str, content: str | None = None) -> State | None:
        """Return the state; `utf8` as declared is `utf8mb3`."""
        row, inside = row_of(text), row_of(content)
        if row is None:
            return None
        return State(
            _as_declared(str(row["charset"]), database.charset),
            _as_declared(str(row["collation"]), database.collation),
            int(inside["objects"]) if inside is not None else None,
        )

    def plan(self, database: MysqlDatabase, found: State | None) -> Change[State]:
        """Compare what is declared."""
        if database.action == "drop":
            if found is not None and found.objects != 0 and not database.force:
                raise HostError(
                    f"{database} is not empty: {_content(found.objects)}",
                    hint="dump it if its data are needed, then declare force=True: they are lost",
                )
            full = found is not None and found.objects
            note = f"its data are lost: {_content(found.objects)}" if found and full else None
            return Change(found, None, note=note)
        change = Change(found, State(database.charset, database.collation))
        note = "tables that exist keep theirs" if change.kind == "update" else None
        return replace(change, note=note)

    def commands(self, name: str, change: Change[State]) -> Iterable[Command]:
        """Create, alter or drop it."""
        if change.wanted is None:
            yield statements(sql("DROP DATABASE {}", SqlName(name)))
            return
        verb = sql("CREATE") if change.found is None else sql("ALTER")
        words = [sql("{} DATABASE {}", verb, SqlName(name))]
        if change.wanted.charset is not None:
            words.append(sql("CHARACTER SET {}", Sql(change.wanted.charset)))
        if change.wanted.collation is not None:
            words.append(sql("COLLATE {}", Sql(change.wanted.collation)))
        yield statements(listed(words, " "))

    def back(self, name: str, change: Change[State], now: State | None) -> Change[State]:
        """Return to the former character set with its collation."""
        before = change.found
        if before is None or now is None:
            return super().back(name, change, now)
        return Change(now, replace(now, charset=before.charset, collation=before.collation))

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
        gone = [name for name, c in changes if c.found is not None and c.wanted is None]
        return ask_about(CATALOGUE, {name: CONTENT.about(name) for name in gone})

    def objection(self, name: str, said: str, going: Collection[Thing]) -> str | None:
        """Return the reason that it is not empty."""
        row = row_of(told_about(name, said))
        if row is None or int(row["objects"]) == 0:
            return None
        what = _content(int(row["objects"]))
        return f"its data would be lost: {what}; `drop` with force=True does it"


def _as_declared(found: str, declared: str | None) -> str:
    if declared is not None and _plain(declared) == _plain(found):
        return declared
    return found


def _plain(name: str) -> str:
    return name.lower().replace("utf8mb3", "utf8")


def _content(objects: int | None) -> str:
    what = "tables, views, routines or events"
    return "nothing is known of its content" if objects is None else f"{objects} {what}"
