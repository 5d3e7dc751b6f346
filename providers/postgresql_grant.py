"""Privileges, in the access lists of the catalogue."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from cookbook.provider import Change, Command, Probe, Thing, hint, provides
from cookbook.providers.databases import Sql, SqlName, listed, texts_of
from cookbook.providers.postgresql import (
    PostgresqlProvider,
    at_port,
    query,
    row_of,
    sql,
    statements,
)
from cookbook.resources.postgresql_grant import PostgresqlGrant

PRIVILEGES = query(
    "privileges",
    "SELECT jsonb_build_object('role', k.b = 'public' OR EXISTS (SELECT FROM pg_roles WHERE rolname"
    " = k.b), 'objects', coalesce((SELECT jsonb_agg(jsonb_build_object('object', o,"
    " 'privileges', (SELECT coalesce(jsonb_agg(DISTINCT privilege_type || CASE WHEN is_grantable"
    " THEN '*' ELSE '' END), '[]') FROM aclexplode(coalesce(acl, acldefault(t::\"char\", w))) WHERE"
    " grantee = CASE WHEN k.b = 'public' THEN 0 ELSE (SELECT oid FROM pg_roles WHERE rolname = k.b)"
    " END)) ORDER BY o) FROM (SELECT 'database' AS kind, k.c AS s, k.d AS n,"
    " format('%I', datname) AS o, datacl AS acl, 'd' AS t, datdba AS w FROM pg_database WHERE"
    " datname = current_database() UNION ALL SELECT 'schema', nspname, k.d, format('%I', nspname),"
    " nspacl, 'n', nspowner FROM pg_namespace UNION ALL SELECT CASE relkind WHEN 'S' THEN"
    " 'sequence' ELSE 'table' END, nspname, relname, format('%I.%I', nspname, relname), relacl,"
    " CASE relkind WHEN 'S' THEN 's' ELSE 'r' END, relowner FROM pg_class c JOIN pg_namespace n ON"
    " n.oid = relnamespace WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S') UNION ALL SELECT"
    " 'function', nspname, CASE WHEN k.d LIKE '%(%' THEN format('%s(%s)', proname,"
    " oidvectortypes(proargtypes)) ELSE proname END, format('%I.%I(%s)', nspname, proname,"
    " oidvectortypes(proargtypes)), proacl, 'f', proowner FROM pg_proc p JOIN pg_namespace n ON"
    " n.oid = pronamespace) x WHERE kind = k.a AND s = k.c AND (k.d = '' OR n = k.d)), '[]'))"
    "::text",
)
"""The objects of type `a`, in schema `c` and of the name `d`, with the privileges of role `b`."""

KEYWORDS = {
    "database": sql("DATABASE"),
    "schema": sql("SCHEMA"),
    "table": sql("TABLE"),
    "sequence": sql("SEQUENCE"),
    "function": sql("ROUTINE"),
}


@dataclass(frozen=True)
class State:
    """Those of the declared privileges that the role has."""

    privileges: tuple[str, ...] = ()
    """Each as "object: SELECT"; with an asterisk if it may be granted to others."""
    objects: tuple[str, ...] = hint(default=())
    role: str = hint(default="")
    type: str = hint(default="database")
    database: str = hint(default="")
    port: int | None = hint()


@provides(PostgresqlGrant)
class PostgresqlGrantProvider(PostgresqlProvider[PostgresqlGrant, State]):
    """Grants what is missing, revokes what is declared to go; the rest of a list stays."""

    kind = "postgresql_grant"

    def probe(self, grant: PostgresqlGrant) -> Probe:
        """Ask for the privileges, in the database itself."""
        names = (grant.type, grant.role, grant.schema, grant.object or "")
        return PRIVILEGES.about(*names, port=grant.port, database=grant.database)

    def parse(self, grant: PostgresqlGrant, text: str) -> State | None:
        """Return the declared ones that are there."""
        row = row_of(text)
        if row is None:
            return None
        has = [
            f"{one['object']}: {privilege}"
            for one in row["objects"]
            for privilege in texts_of(one, "privileges")
            if privilege.rstrip("*") in grant.wanted
        ]
        return _state(grant, has, [str(one["object"]) for one in row["objects"]])

    def plan(self, grant: PostgresqlGrant, found: State | None) -> Change[State]:
        """Compare the privileges on each object."""
        now = found if self.there(found) else None
        if grant.action == "revoke":
            return Change(now, None)
        objects = (found.objects if found is not None else ()) or _expected(grant)
        has = _options(found.privileges if found is not None else ())
        wanted = [
            f"{one}: {privilege}{'*' if grant.grant_option or has.get((one, privilege)) else ''}"
            for one in objects
            for privilege in grant.wanted
        ]
        if not objects:
            there = f"no {grant.type} in the schema {grant.schema} of {grant.database}"
            return Change(now, now, warning=f"there is {there}")
        return Change(now, _state(grant, wanted, objects))

    def there(self, state: State | None) -> bool:
        """Return whether the role has any of them."""
        return state is not None and bool(state.privileges)

    def commands(self, name: str, change: Change[State]) -> Iterable[Command]:
        """Grant and revoke in one transaction."""
        side = change.wanted or change.found or State()
        yield statements(*_sql(change), port=side.port, database=side.database)

    def together(self, changes: Sequence[tuple[str, Change[State]]]) -> Sequence[Command] | None:
        """Return one transaction for what is revoked: each privilege is pruned by itself."""
        sides = [change.found for _, change in changes if change.wanted is None and change.found]
        places = {(side.port, side.database) for side in sides}
        if len(sides) != len(changes) or len(places) != 1:
            return None
        [(port, database)] = places
        parts = [part for _, change in changes for part in _sql(change)]
        return [statements(*parts, port=port, database=database)]

    def entries(self, grant: PostgresqlGrant) -> Mapping[str, PostgresqlGrant]:
        """Return each privilege by itself: one that leaves the list is an orphan."""
        return {
            f"{grant.identity}: {one}": replace(grant, privileges=[one]) for one in grant.wanted
        }

    def holds(self, state: State, entry: PostgresqlGrant) -> bool:
        """Return whether the privilege is there, on any of the objects."""
        names = {one.rpartition(": ")[2].rstrip("*") for one in state.privileges}
        return bool(names & {*entry.wanted})

    def needs(self, grant: PostgresqlGrant, *answers: str | None) -> Iterable[Thing]:
        """Yield the role, the database, and the object."""
        row = row_of(answers[0]) if answers else None
        if grant.role != "public" and (row is None or row["role"] is not True):
            yield Thing("postgresql_role", at_port(grant.port, grant.role))
        if row is None:
            yield Thing("postgresql_database", at_port(grant.port, grant.database))
        if row is not None and row["objects"]:
            return
        if grant.object is not None:
            yield Thing(grant.type, f"{grant.schema}.{grant.object}")
        elif grant.type == "schema" and (row is not None or grant.schema != "public"):
            yield Thing("schema", grant.schema)

    def about(self, grant: PostgresqlGrant) -> Iterable[Thing]:
        """Yield also the database: with a new one, or a new owner, come other privileges."""
        yield from super().about(grant)
        yield Thing("postgresql_database", at_port(grant.port, grant.database))

    def back(self, name: str, change: Change[State], now: State | None) -> Change[State]:
        """Return to the former privileges."""
        return super().back(name, change, now if self.there(now) else None)


def _sql(change: Change[State]) -> Iterator[Sql]:
    """Yield the statements of a change."""
    side = change.wanted or change.found or State()
    before = _options(change.found.privileges if change.found is not None else ())
    after = _options(change.wanted.privileges if change.wanted is not None else ())
    role = sql("PUBLIC") if side.role == "public" else sql("{}", SqlName(side.role))
    given = {key: option for key, option in after.items() if before.get(key) != option}
    bare = [key for key, option in given.items() if not option]
    yield from _revokes(side, role, [key for key in before if key not in after], Sql())
    narrower = [key for key in bare if key in before]
    yield from _revokes(side, role, narrower, sql("GRANT OPTION FOR "))
    yield from _grants(side, role, [key for key in bare if key not in before], Sql())
    wider = [key for key, option in given.items() if option]
    yield from _grants(side, role, wider, sql(" WITH GRANT OPTION"))


def _state(grant: PostgresqlGrant, privileges: Iterable[str], objects: Iterable[str]) -> State:
    return State(
        tuple(sorted(privileges)),
        tuple(objects),
        grant.role,
        grant.type,
        grant.database,
        grant.port,
    )


def _expected(grant: PostgresqlGrant) -> list[str]:
    """Return the object as PostgreSQL will name it; nothing is known of all in a schema."""
    if grant.type == "database":
        return [_quoted(grant.database)]
    if grant.type == "schema":
        return [_quoted(grant.schema)]
    return [] if grant.object is None else [f"{_quoted(grant.schema)}.{_quoted(grant.object)}"]


def _quoted(name: str) -> str:
    plain = re.fullmatch(r"[a-z_][a-z0-9_$]*", name) is not None
    return name if plain else sql("{}", SqlName(name))


def _options(privileges: Iterable[str]) -> dict[tuple[str, str], bool]:
    """Return (object, privilege) -> whether it may be granted to others."""
    pairs = [one.rpartition(": ") for one in privileges]
    return {(name, what.rstrip("*")): what.endswith("*") for name, _, what in pairs}


def _by_object(keys: Iterable[tuple[str, str]]) -> Iterator[tuple[Sql, Sql]]:
    """Yield each object with its privileges, as SQL."""
    privileges: dict[str, list[str]] = {}
    for name, what in sorted(keys):
        privileges.setdefault(name, []).append(what)
    for name, some in privileges.items():
        yield Sql(name), listed(map(Sql, some))


def _grants(side: State, role: Sql, keys: Iterable[tuple[str, str]], option: Sql) -> Iterator[Sql]:
    for name, privileges in _by_object(keys):
        on = KEYWORDS[side.type]
        yield sql("GRANT {} ON {} {} TO {}{}", privileges, on, name, role, option)


def _revokes(side: State, role: Sql, keys: Iterable[tuple[str, str]], option: Sql) -> Iterator[Sql]:
    for name, privileges in _by_object(keys):
        on = KEYWORDS[side.type]
        yield sql("REVOKE {}{} ON {} {} FROM {}", option, privileges, on, name, role)
