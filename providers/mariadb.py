"""
The mechanism of types that MariaDB keeps: one mariadb(1) answers the questions of all of them.

It connects over the local socket as root. See `databases`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, LiteralString, TypeVar

from cookbook.provider import Command, Probe, Resource, Table, join, sh
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

SERVER = DatabaseServer("MariaDB", "mariadb")

_TEXT: LiteralString = """\
my() { mariadb --protocol=socket -u root -NBr --default-character-set=utf8mb4 "$@"; }
"""

FUNCTION = sh(_TEXT)
"""Defines the shell function `my`: mariadb(1), as root."""

# A failed question of a resource with a password would be hidden: of a server that does not
# answer, a line for each key says so.
_ASK: LiteralString = """\
{}if ! command -v mariadb >/dev/null; then yes ! | head -n {}
else o=$(printf %s {} | my); s=$?; if [ $s = 0 ]; then printf '%s\\n' "$o"
else m=$(my -e 'DO 0' 2>&1 | tr '\\n\\t' '  '); [ "$m" ] || exit $s
yes "!$m" | head -n {}; fi; fi"""

_MODE = Sql("SET SESSION sql_mode = '';\n")
"""Backslashes escape in texts, and double quotes mean nothing else."""

_ESCAPES = {"\\": "\\\\", "'": "''", "\n": "\\n", "\r": "\\r", "\x1a": "\\Z"}


def sql(template: LiteralString, *values: object) -> Sql:
    """
    Fill the holes `{}` of a template: Sql and numbers unchanged, names and texts quoted.

    >>> print(sql("ALTER DATABASE {} COMMENT {}", SqlName("a`b"), "it's"))
    ALTER DATABASE `a``b` COMMENT 'it''s'
    """
    return woven(template, values, _quoted)


def _quoted(value: object) -> str:
    match value:
        case Sql():
            return str(value)
        case SqlName():
            return "`" + value.replace("`", "``") + "`"
        case int():
            return str(value)
        case _:
            return "'" + "".join(_ESCAPES.get(c, c) for c in str(value)) + "'"


def account(user: str, host: str) -> Sql:
    """Return the name of an account, quoted."""
    return sql("{}@{}", user, host)


_QUERIES: dict[str, LiteralString] = {}


@dataclass(frozen=True)
class MariadbQuery:
    """A query for one row, JSON in one line; its template has a hole for each name of the key."""

    name: str

    def about(self, *names: str, loose: bool = False) -> Probe:
        """Return the probe for the row of these names."""
        return CATALOGUE.about("\0".join([self.name, *names]), loose=loose)


def query(name: str, select: LiteralString) -> MariadbQuery:
    """Return a query of the catalogue, known by its name."""
    _QUERIES[name] = select
    return MariadbQuery(name)


def _ask(keys: Sequence[str]) -> Command:
    parts = [key.split("\0") for key in keys]
    selects = [sql("SELECT coalesce(({}), '-');\n", sql(_QUERIES[n], *key)) for n, *key in parts]
    text = listed([_MODE, *selects], "")
    names = " ".join(dict.fromkeys(" ".join(key) for key in parts))
    return replace(
        sh(_ASK, FUNCTION, len(keys), text, len(keys)), called=one_line(f"mariadb # {names}")
    )


CATALOGUE = Table(_ask, lines_by_key)
"""The rows of the catalogue; see `databases`."""


def row_of(answer: str | None) -> Mapping[str, Any] | None:
    """Return the row in an answer; None if there is none, or no mariadb(1). Raises Missing."""
    return row_in(SERVER, answer)


def statements(*parts: Sql | Command) -> Command:
    """
    Return the command that runs SQL statements.

    A Command among them is run in the shell and prints SQL; what it is `called` is shown.
    """
    ways = [one if isinstance(one, Command) else sh("printf '%s;\\n' {}", one) for one in parts]
    first = sh("printf %s {}", _MODE)
    command = sh("{}{ {}; } | my >/dev/null", FUNCTION, join([first, *ways], " && "))
    shown = "; ".join(one.called if isinstance(one, Command) else one for one in parts)
    words = f"mariadb # {shown}"
    return replace(command, shown=words, called=one_line(words))


def printed(select: Sql) -> Command:
    """Return the command that prints the result of a query."""
    return sh("{}printf '%s\\n' {} | my", FUNCTION, listed([_MODE, select], ""))


R = TypeVar("R", bound=Resource)
S = TypeVar("S", bound=Any)


class MariadbProvider(CatalogueProvider[R, S], Generic[R, S]):
    """A provider of things in a MariaDB server."""

    server = SERVER
