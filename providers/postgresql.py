"""
The mechanism of types that PostgreSQL keeps: one psql(1) answers the questions of all of them.

It connects over the local socket as the user postgres. A question is the key of a row in a
`Query`; the answer is the row as one line of JSON. Statements are sent on standard input, so
no process shows them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, LiteralString, TypeVar

from cookbook.provider import Command, Probe, Resource, Table, join, options, sh
from cookbook.providers.databases import (
    CatalogueProvider,
    DatabaseServer,
    Sql,
    SqlName,
    lines_by_key,
    listed,
    row_in,
    woven,
)
from cookbook.text.sanitize import one_line

DATABASE = "postgres"
"""The database for questions about what is not in one."""

SERVER = DatabaseServer("PostgreSQL", "postgresql")

_TEXT: LiteralString = """\
cd / && export PGCLIENTENCODING=UTF8 PGAPPNAME=cook PGOPTIONS='-c lc_messages=C'
pg() { if [ "$(id -un)" = postgres ]; then psql -XAtq "$@"
else runuser -u postgres -- psql -XAtq "$@"; fi; }
"""

FUNCTION = sh(_TEXT)
"""Defines the shell function `pg`: psql(1), as the user postgres."""

# Status 1 is runuser(1)'s for no such user, 2 is psql(1)'s for no connection: said in a line for
# each key, as a failed question of a resource with a password would be hidden. 3 is an error.
_ASK: LiteralString = """\
if ! command -v psql >/dev/null; then yes ! | head -n {}
else o=$(printf %s {} | pg -v ON_ERROR_STOP=1 {} -d postgres -f -); s=$?
case $s in 0) printf '%s\\n' "$o" ;; 1|2) m=$(pg {} -d postgres -c '' 2>&1 | tr '\\n\\t' '  ')
[ "$m" ] || exit $s; yes "!$m" | head -n {} ;; *) exit $s ;; esac; fi"""


def sql(template: LiteralString, *values: object) -> Sql:
    """
    Fill the holes `{}` of a template: Sql and numbers unchanged, names and texts quoted.

    A text means the same whatever `standard_conforming_strings` is, and whatever is in it.

    >>> print(sql("COMMENT ON ROLE {} IS {}", SqlName('a"b'), "it's"))
    COMMENT ON ROLE "a""b" IS E'it''s'
    """
    return woven(template, values, _quoted)


def _quoted(value: object) -> str:
    match value:
        case Sql():
            return str(value)
        case SqlName():
            return '"' + value.replace('"', '""') + '"'
        case int():
            return str(value)
        case _:
            text = str(value).replace("\\", "\\\\").replace("'", "''")
            return f"E'{text}'"


def _conninfo(database: str) -> str:
    """Return the connection string for a database of any name."""
    return "dbname='" + database.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _argument(text: str) -> str:
    r"""Return text as the argument of `\connect`, which reads it as an identifier."""
    return '"' + text.replace('"', '""') + '"'


_QUERIES: dict[str, Sql] = {}


@dataclass(frozen=True)
class Query:
    """A query for one row by its names `k.a`, `k.b` ...: it selects text, JSON without a break."""

    name: str

    def about(
        self,
        *names: str,
        port: int | None = None,
        database: str = DATABASE,
        loose: bool = False,
    ) -> Probe:
        """Return the probe for the row of these names."""
        return CATALOGUE.about(
            "\0".join([str(port or ""), database, self.name, *names]), loose=loose
        )


def query(name: str, select: LiteralString) -> Query:
    """Return a query of the catalogue, known by its name."""
    _QUERIES[name] = Sql(select)
    return Query(name)


def _select(name: str, keys: Sequence[Sequence[str]]) -> Sql:
    arrays = [
        sql("ARRAY[{}]::text[]", listed(sql("{}", one) for one in column))
        for column in zip(*keys, strict=True)
    ]
    return sql(
        "SELECT coalesce(({}), '-') FROM unnest({}) WITH ORDINALITY AS k({}, n) ORDER BY n;\n",
        _QUERIES[name],
        listed(arrays),
        listed(Sql(letter) for letter in "abcdefg"[: len(arrays)]),
    )


def _in_database(database: str, selects: Sql, count: int) -> Sql:
    """Return the statements that ask in another database; without it, each row is absent."""
    return sql(
        "SELECT count(*) > 0 AS there FROM pg_database WHERE datname = {} AND datallowconn \\gset\n"
        "\\if :there\n\\connect -reuse-previous=on {}\n{}"
        "\\else\nSELECT '-' FROM generate_series(1, {});\n\\endif\n",
        database,
        Sql(_argument(_conninfo(database))),
        selects,
        count,
    )


def _ask_port(port: str, keys: Sequence[Sequence[str]]) -> Command:
    text, now = Sql(), DATABASE
    for database, group in itertools.groupby(keys, key=lambda key: key[1]):
        its = list(group)
        by_query = itertools.groupby(its, key=lambda key: key[2])
        selects = listed((_select(name, [key[3:] for key in some]) for name, some in by_query), "")
        asked = selects if database == now else _in_database(database, selects, len(its))
        text = listed([text, asked], "")
        now = database
    at = options(port=port or None)
    return sh(_ASK, len(keys), text, at, at, len(keys))


def _ask(keys: Sequence[str]) -> Command:
    parts = [key.split("\0") for key in keys]
    by_port = itertools.groupby(parts, key=lambda key: key[0])
    asked = join([_ask_port(port, list(some)) for port, some in by_port], " || exit\n")
    names = " ".join(dict.fromkeys(" ".join(key[2:]) for key in parts))
    return replace(sh("{}{}", FUNCTION, asked), called=one_line(f"psql # {names}"))


CATALOGUE = Table(_ask, lines_by_key)
"""The rows of the catalogue; see `databases`."""


def row_of(answer: str | None) -> Mapping[str, Any] | None:
    """Return the row in an answer; None if there is none, or no psql(1). Raises Missing."""
    return row_in(SERVER, answer)


def statements(
    *parts: Sql | Command, port: int | None = None, database: str = DATABASE, whole: bool = True
) -> Command:
    """
    Return the command that runs SQL statements, in one transaction if `whole` is true.

    A Command among them is run in the shell and prints SQL; what it is `called` is shown.
    """
    ways = join(
        [
            one if isinstance(one, Command) else sh("printf '%s\\n' {}", _ended(one))
            for one in parts
        ],
        " && ",
    )
    command = sh(
        "{}{ {}; } | pg -v ON_ERROR_STOP=1 {} {} -d {} -f - >/dev/null",
        FUNCTION,
        ways,
        options(port=port),
        sh("-1") if whole else sh(""),
        _conninfo(database),
    )
    shown = "; ".join(one.called if isinstance(one, Command) else one for one in parts)
    where = f"-d {database} " if database != DATABASE else ""
    words = f"psql {where}# {shown}"
    return replace(command, shown=words, called=one_line(words))


def _ended(statement: Sql) -> str:
    return statement if statement.endswith("\\gexec") else f"{statement};"


def printed(select: Sql, port: int | None = None, database: str = DATABASE) -> Command:
    """Return the command that prints the result of a query."""
    text = "{}printf %s {} | pg -v ON_ERROR_STOP=1 {} -d {} -f -"
    return sh(text, FUNCTION, select, options(port=port), _conninfo(database))


def _reload() -> Iterator[str]:
    """Yield statements that end when the server has read its files, or after half a minute."""
    yield "SELECT pg_conf_load_time() AS before \\gset\nSELECT pg_reload_conf();\n"
    for pause in (*["0.1"] * 20, *["1"] * 28):
        yield f"SELECT pg_conf_load_time() > :'before' AS loaded, pg_sleep({pause}) \\gset\n"
        yield "\\if :loaded\n\\q\n\\endif\n"


RELOAD = replace(sh("printf %s {}", "".join(_reload())), called="SELECT pg_reload_conf()")
"""Prints statements by which the server reads its files."""


def at_port(port: int | None, name: str) -> str:
    """Return the identity of a thing of the server at a port; None is the default one."""
    return name if port is None else f"{port}/{name}"


def bare_name(identity: str, port: int | None) -> str:
    """Return the name in an identity that `at_port` has made."""
    return identity.removeprefix(at_port(port, ""))


R = TypeVar("R", bound=Resource)
S = TypeVar("S", bound=Any)


class PostgresqlProvider(CatalogueProvider[R, S], Generic[R, S]):
    """A provider of things in a PostgreSQL server."""

    server = SERVER
