"""Privileges, in the tables of information_schema about them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from cookbook.provider import Change, Command, Probe, Thing, hint, provides
from cookbook.providers.databases import Sql, SqlName, listed
from cookbook.providers.mariadb import MariadbProvider, account, query, row_of, sql, statements
from cookbook.resources.mysql_grant import MysqlGrant

ALL = "ALL PRIVILEGES"
OPTION = "GRANT OPTION"

GLOBAL = query(
    "global privileges",
    "SELECT JSON_OBJECT('user', (SELECT count(*) FROM mysql.global_priv WHERE user = {} AND host ="
    " {}), 'privileges', coalesce(group_concat(privilege_type ORDER BY 1 SEPARATOR ','), ''),"
    " 'option', coalesce(max(is_grantable), 'NO')) FROM information_schema.user_privileges WHERE"
    " BINARY grantee = {}",
)
SCHEMA = query(
    "privileges on a database",
    "SELECT JSON_OBJECT('user', (SELECT count(*) FROM mysql.global_priv WHERE user = {} AND host ="
    " {}), 'privileges', coalesce(group_concat(privilege_type ORDER BY 1 SEPARATOR ','), ''),"
    " 'option', coalesce(max(is_grantable), 'NO')) FROM information_schema.schema_privileges WHERE"
    " BINARY grantee = {} AND BINARY table_schema = {}",
)
TABLE = query(
    "privileges on a table",
    "SELECT JSON_OBJECT('user', (SELECT count(*) FROM mysql.global_priv WHERE user = {} AND host ="
    " {}), 'privileges', coalesce(group_concat(privilege_type ORDER BY 1 SEPARATOR ','), ''),"
    " 'option', coalesce(max(is_grantable), 'NO'), 'table', (SELECT count(*) FROM"
    " information_schema.tables t WHERE BINARY t.table_schema = {} AND BINARY t.table_name = {}))"
    " FROM information_schema.table_privileges WHERE BINARY grantee = {} AND BINARY table_schema ="
    " {} AND BINARY table_name = {}",
)

_NEWER = {"table": "CREATE VIEW,DELETE HISTORY,REFERENCES,SHOW VIEW"}
_NEWER |= {"database": "DELETE HISTORY,SHOW CREATE ROUTINE", "global": ""}
"""Those that some versions have besides."""

_IN_ALL = {
    "table": "ALTER,CREATE,DELETE,DROP,INDEX,INSERT,SELECT,TRIGGER,UPDATE",
    "database": "ALTER,ALTER ROUTINE,CREATE,CREATE ROUTINE,CREATE TEMPORARY TABLES,CREATE VIEW"
    ",DELETE,DROP,EVENT,EXECUTE,INDEX,INSERT,LOCK TABLES,REFERENCES,SELECT,SHOW VIEW,TRIGGER"
    ",UPDATE",
    "global": "ALTER,CREATE,CREATE USER,DELETE,DROP,EVENT,FILE,INDEX,INSERT,PROCESS,RELOAD"
    ",SELECT,SHUTDOWN,SUPER,TRIGGER,UPDATE",
}
"""Privileges that an account has which was granted all; versions of the server have more."""


@dataclass(frozen=True)
class State:
    """Those of the declared privileges that the account has there."""

    privileges: tuple[str, ...] = ()
    user: str = hint(default="")
    host: str = hint(default="")
    database: str = hint(default="*")
    table: str = hint(default="*")


@provides(MysqlGrant)
class MysqlGrantProvider(MariadbProvider[MysqlGrant, State]):
    """Grants what is missing, revokes what is declared to go."""

    kind = "mysql_grant"

    def probe(self, grant: MysqlGrant) -> Probe:
        """Ask for the privileges of the account."""
        who = f"'{grant.user}'@'{grant.host}'"
        names = (grant.user, grant.host)
        if grant.table != "*":
            place = (grant.database, grant.table)
            return TABLE.about(*names, *place, who, *place)
        if grant.database != "*":
            return SCHEMA.about(*names, who, _pattern(grant.database))
        return GLOBAL.about(*names, who)

    def parse(self, grant: MysqlGrant, text: str) -> State | None:
        """Return the declared ones that are there; all of them if all are declared."""
        row = row_of(text)
        if row is None:
            return None
        has = {*str(row["privileges"]).split(",")} - {"", "USAGE"}
        option = {OPTION} if row["option"] == "YES" else set()
        wanted = {*grant.wanted}
        if ALL in wanted:
            shown = {ALL} if has >= {*_IN_ALL[_level(grant)].split(",")} else has
        else:
            shown = has & wanted
        shown = shown | (option & wanted)
        return _state(grant, shown) if shown else None

    def plan(self, grant: MysqlGrant, found: State | None) -> Change[State]:
        """Compare the privileges."""
        if grant.action == "revoke":
            return Change(found, None)
        return Change(found, _state(grant, grant.wanted))

    def commands(self, name: str, change: Change[State]) -> Iterable[Command]:
        """Grant and revoke."""
        yield statements(*_sql(change))

    def together(self, changes: Sequence[tuple[str, Change[State]]]) -> Sequence[Command] | None:
        """Return one command for what is revoked: each privilege is pruned by itself."""
        if any(change.wanted is not None for _, change in changes):
            return None
        return [statements(*(part for _, change in changes for part in _sql(change)))]

    def entries(self, grant: MysqlGrant) -> Mapping[str, MysqlGrant]:
        """Return each privilege by itself: one that leaves the list is an orphan."""
        each = [*grant.wanted]
        if ALL in each:
            each = [*_all_of(grant), *(one for one in each if one == OPTION)]
        return {
            f"{grant.identity}: {one}": replace(grant, privileges=[one], grant_option=False)
            for one in each
        }

    def holds(self, state: State, entry: MysqlGrant) -> bool:
        """Return whether the privilege is there."""
        [one] = entry.wanted
        return one in state.privileges or (ALL in state.privileges and one != OPTION)

    def needs(self, grant: MysqlGrant, *answers: str | None) -> Iterable[Thing]:
        """Yield the account, and the table."""
        row = row_of(answers[0]) if answers else None
        if row is None or not row["user"]:
            yield Thing("mysql_user", f"{grant.user}@{grant.host}")
        if grant.table != "*" and (row is None or not row["table"]):
            yield Thing("table", f"{grant.database}.{grant.table}")


def _sql(change: Change[State]) -> Iterator[Sql]:
    """Yield the statements of a change."""
    side = change.wanted or change.found or State()
    who, on = account(side.user, side.host), _place(side)
    before = {*(change.found.privileges if change.found is not None else ())}
    after = {*(change.wanted.privileges if change.wanted is not None else ())}
    less, more = before - after, after - before
    if OPTION in less:
        yield sql("REVOKE GRANT OPTION ON {} FROM {}", on, who)
    if (gone := less - {OPTION}) and ALL not in after:
        yield sql("REVOKE {} ON {} FROM {}", _listed(gone), on, who)
    if (new := more - {OPTION}) and (ALL not in before or gone):
        yield sql("GRANT {} ON {} TO {}", _listed(new), on, who)
    if OPTION in more:
        yield sql("GRANT GRANT OPTION ON {} TO {}", on, who)


def _state(grant: MysqlGrant, privileges: Iterable[str]) -> State:
    words = tuple(sorted(privileges))
    return State(words, grant.user, grant.host, grant.database, grant.table)


def _all_of(grant: MysqlGrant) -> list[str]:
    level = _level(grant)
    return sorted(filter(None, f"{_IN_ALL[level]},{_NEWER[level]}".split(",")))


def _level(grant: MysqlGrant) -> str:
    if grant.table != "*":
        return "table"
    return "global" if grant.database == "*" else "database"


def _pattern(database: str) -> str:
    """Return the pattern that means exactly this database: `_` and `%` match others as well."""
    return database.replace("_", "\\_").replace("%", "\\%")


def _place(side: State) -> Sql:
    if side.database == "*":
        return sql("*.*")
    if side.table == "*":
        return sql("{}.*", SqlName(_pattern(side.database)))
    return sql("{}.{}", SqlName(side.database), SqlName(side.table))


def _listed(privileges: Iterable[str]) -> Sql:
    return listed(map(Sql, sorted(privileges)))
