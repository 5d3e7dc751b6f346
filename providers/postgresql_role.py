"""Roles, in pg_authid and pg_auth_members."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import LiteralString

from cookbook.provider import (
    Change,
    Command,
    Content,
    Probe,
    Secret,
    Thing,
    hint,
    keep_output,
    provides,
    secret,
    sh,
)
from cookbook.providers import scram
from cookbook.providers.databases import Sql, SqlName, ask_about, listed, texts_of, told_about
from cookbook.providers.postgresql import (
    CATALOGUE,
    PostgresqlProvider,
    at_port,
    bare_name,
    printed,
    query,
    row_of,
    sql,
    statements,
)
from cookbook.resources.postgresql_role import PostgresqlRole

NO_PASSWORD = Content.of(b"")
FLAGS: tuple[LiteralString, ...] = (
    "superuser",
    "createdb",
    "createrole",
    "inherit",
    "login",
    "replication",
    "bypassrls",
)

ROLE = query(
    "role",
    "SELECT jsonb_build_object('superuser', rolsuper, 'createdb', rolcreatedb, 'createrole',"
    " rolcreaterole, 'inherit', rolinherit, 'login', rolcanlogin, 'replication', rolreplication,"
    " 'bypassrls', rolbypassrls, 'connection_limit', rolconnlimit, 'password',"
    " coalesce(rolpassword, ''), 'valid_until', CASE WHEN rolvaliduntil < 'infinity' THEN"
    " to_char(rolvaliduntil AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') ELSE '' END,"
    " 'member_of', (SELECT coalesce(jsonb_agg(DISTINCT g.rolname), '[]') FROM pg_auth_members m"
    " JOIN pg_authid g ON g.oid = m.roleid WHERE m.member = r.oid))::text"
    " FROM pg_authid r WHERE rolname = k.a",
)

ROLE_USE = query(
    "role use",
    "SELECT jsonb_build_object('members', (SELECT coalesce(jsonb_agg(DISTINCT g.rolname), '[]')"
    " FROM pg_auth_members m JOIN pg_authid g ON g.oid = m.member WHERE m.roleid = r.oid),"
    " 'owns', (SELECT coalesce(jsonb_agg(DISTINCT coalesce(d.datname, '')), '[]') FROM"
    " pg_shdepend s LEFT JOIN pg_database d ON d.oid = CASE WHEN s.classid ="
    " 'pg_database'::regclass THEN s.objid ELSE s.dbid END WHERE s.refclassid ="
    " 'pg_authid'::regclass AND s.refobjid = r.oid AND s.deptype = 'o'), 'settings',"
    " (SELECT count(*) FROM pg_db_role_setting WHERE setrole = r.oid))::text"
    " FROM pg_authid r WHERE rolname = k.a",
)
"""The things that go with a role or keep it: no part of the precondition of its changes."""


@dataclass(frozen=True)
class State:
    """A role; `contents` and the stash have the verifier of its password."""

    superuser: bool | None = None
    createdb: bool | None = None
    createrole: bool | None = None
    inherit: bool | None = None
    login: bool | None = None
    replication: bool | None = None
    bypassrls: bool | None = None
    connection_limit: int | None = None
    password: Content | None = secret()
    """The digest of the verifier."""
    valid_until: str | None = None
    member_of: tuple[str, ...] | None = None
    fits: bool = hint(default=False)
    """True if the verifier is that of the declared password."""
    members: tuple[str, ...] = hint(default=())
    owns: tuple[str, ...] = hint(default=())
    """Databases in which it owns something."""
    settings: int = hint(default=0)
    """The number of settings that it has."""
    port: int | None = hint()


@provides(PostgresqlRole)
class PostgresqlRoleProvider(PostgresqlProvider[PostgresqlRole, State]):
    """Compares with the catalogue, changes by ALTER ROLE, GRANT and REVOKE."""

    kind = "postgresql_role"

    def probe(self, role: PostgresqlRole) -> Sequence[Probe]:
        """Ask for the role, and for those that it is to be a member of."""
        names = [role.role_name, *(role.member_of or ())]
        rows = [ROLE.about(one, port=role.port, loose=i > 0) for i, one in enumerate(names)]
        return [rows[0], ROLE_USE.about(role.role_name, port=role.port, loose=True), *rows[1:]]

    def parse(
        self, role: PostgresqlRole, text: str, use: str | None, *_: str | None
    ) -> State | None:
        """Return the state, with a digest in place of the verifier."""
        row, used = row_of(text), row_of(use) or {"members": [], "owns": [], "settings": 0}
        if row is None:
            return None
        flags = {name: row[name] is True for name in FLAGS}
        verifier = str(row["password"])
        return State(
            **flags,
            connection_limit=int(row["connection_limit"]),
            password=Content.of(verifier.encode("utf-8", "surrogateescape")),
            valid_until=str(row["valid_until"]),
            member_of=tuple(sorted(texts_of(row, "member_of"))),
            fits=role.password is not None and scram.fits(verifier, str(role.password)),
            members=tuple(sorted(texts_of(used, "members"))),
            owns=tuple(sorted(texts_of(used, "owns"))),
            settings=int(used["settings"]),
            port=role.port,
        )

    def plan(self, role: PostgresqlRole, found: State | None) -> Change[State]:
        """Compare what is declared."""
        if role.action == "drop":
            owns = found.owns if found is not None else ()
            note = f"it owns something in {_listed(owns)}: PostgreSQL refuses to drop it then"
            return Change(found, None, note=note if owns else None)
        groups = None
        if role.member_of is not None:
            kept = found.member_of or () if found is not None and role.append else ()
            groups = tuple(sorted({*kept, *role.member_of}))
        password = Content.of(_stored(role)) if role.password is not None else None
        if found is not None and found.fits:
            password = found.password
        flags = {name: getattr(role, name) for name in FLAGS}
        wanted = State(
            **flags,
            connection_limit=role.connection_limit,
            password=password,
            valid_until=role.valid_until,
            member_of=groups,
            fits=role.password is not None,
            port=role.port,
        )
        return Change(found, wanted)

    def contents(self, role: PostgresqlRole) -> Mapping[str, bytes]:
        """Return the verifier of the password."""
        if role.password is None:
            return {}
        data = _stored(role)
        return {Content.of(data): data}

    def commands(self, name: str, change: Change[State]) -> Iterable[Command]:
        """Create, alter or drop it, with its memberships, in one transaction."""
        side = change.wanted or change.found or State()
        role = SqlName(bare_name(name, side.port))
        if change.wanted is None:
            yield statements(sql("DROP ROLE {}", role), port=side.port)
            return
        todo = {field: pair[1] for field, pair in change.fields.items()}
        words = [_flag(field, todo[field]) for field in FLAGS if field in todo]
        if "connection_limit" in todo:
            words.append(sql("CONNECTION LIMIT {}", todo["connection_limit"]))
        if "valid_until" in todo and (todo["valid_until"] or change.found is not None):
            words.append(sql("VALID UNTIL {}", todo["valid_until"] or "infinity"))
        parts: list[Sql | Command] = []
        if change.found is None or words:
            verb = sql("CREATE") if change.found is None else sql("ALTER")
            parts.append(sql("{} ROLE {} {}", verb, role, listed(words, " ")))
        before, after = ({*(one or ())} for one in change.fields.get("member_of", ((), ())))
        parts += [sql("REVOKE {} FROM {}", SqlName(one), role) for one in sorted(before - after)]
        parts += [sql("GRANT {} TO {}", SqlName(one), role) for one in sorted(after - before)]
        if change.found is None:
            parts += [_with_member(role, one) for one in side.members]
        if "password" in todo:
            parts += _password(role, todo["password"])
        yield statements(*parts, port=side.port)

    def needs(self, role: PostgresqlRole, *answers: str | None) -> Iterable[Thing]:
        """Yield the roles that it is to be a member of."""
        groups = role.member_of or ()
        for group, answer in zip(groups, answers[2:] or [None] * len(groups), strict=True):
            if row_of(answer) is None:
                yield Thing("postgresql_role", at_port(role.port, group))

    def keeps(self, name: str, change: Change[State]) -> Command | None:
        """Keep the verifier."""
        found = change.found
        if found is None or (change.wanted is not None and "password" not in change.fields):
            return None
        role = bare_name(name, found.port)
        select = sql("SELECT coalesce(rolpassword, '') FROM pg_authid WHERE rolname = {}", role)
        return keep_output(sh('v=$({}) && printf %s "$v"', printed(select, port=found.port)))

    def learned(self, change: Change[State], kept: str, _said: str) -> Change[State]:
        """Add its digest: a plan without a key does not contain it."""
        if change.found is not None and change.found.password is None and kept.strip():
            return replace(change, found=replace(change.found, password=Content(kept.strip())))
        return change

    def lost(self, name: str, change: Change[State]) -> str | None:
        """Describe the settings that go with it."""
        if change.wanted is None and change.found is not None and change.found.settings:
            return "its settings (ALTER ROLE ... SET)"
        return super().lost(name, change)

    def preflight(self, changes: Sequence[tuple[str, Change[State]]]) -> Command | None:
        """Ask what the roles own that would be dropped."""
        gone = [(name, c.found.port) for name, c in changes if c.found and c.wanted is None]
        return ask_about(
            CATALOGUE,
            {name: ROLE_USE.about(bare_name(name, port), port=port) for name, port in gone},
        )

    def objection(self, name: str, said: str, going: Collection[Thing]) -> str | None:
        """Return the reason that it owns something in a database that stays."""
        row = row_of(told_about(name, said))
        if row is None:
            return None
        stays = [
            one
            for one in texts_of(row, "owns")
            if not {Thing("postgresql_database", before + one) for before in _ports(name)}
            & {*going}
        ]
        return f"it owns something in {_listed(stays)}" if stays else None


def _ports(name: str) -> tuple[str, str]:
    """Return the beginnings that an identity on the same server has."""
    port = name.partition("/")[0]
    return ("", f"{port}/" if port.isdecimal() else "")


def _listed(databases: Sequence[str]) -> str:
    return ", ".join(one or "the whole server" for one in databases)


def _password(role: SqlName, digest: str) -> list[Sql | Command]:
    """Return the statements that set a password; neither a log nor an error shows the verifier."""
    if digest == NO_PASSWORD:
        return [sql("ALTER ROLE {} PASSWORD NULL", role)]
    quietly = "".join(f"SET LOCAL {one};\n" for one in _UNLOGGED)
    alter = sh(
        "{ printf '%s\\\\set VERBOSITY terse\\n%s' {} {}; content {} | sed {}; printf \"';\\n\"; }",
        quietly,
        sql("ALTER ROLE {} PASSWORD E'", role),
        digest,
        "s/[\\\\']/&&/g",
    )
    return [replace(alter, called=sql("ALTER ROLE {} PASSWORD ***", role))]


_UNLOGGED = (
    "log_statement = 'none'",
    "log_min_error_statement = 'panic'",
    "log_min_duration_statement = -1",
    "pg_stat_statements.track_utility = off",
)


def _with_member(role: SqlName, member: str) -> Sql:
    """Return the statement that restores a membership; a member that is absent brings its own."""
    return sql(
        "SELECT format('GRANT %I TO %I', {}::text, rolname) FROM pg_roles WHERE rolname = {}"
        " \\gexec",
        str(role),
        member,
    )


def _flag(name: LiteralString, value: bool) -> Sql:  # noqa: FBT001 - the value of a field
    return Sql(name.upper() if value else f"NO{name.upper()}")


def _stored(role: PostgresqlRole) -> bytes:
    """Return what is to be stored of a password; its text becomes known as secret."""
    password = str(role.password)
    if not password:
        return b""
    if scram.is_verifier(password):
        return password.encode()
    return str(Secret(scram.verifier_of(password, role.role_name))).encode()
