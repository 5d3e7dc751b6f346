"""Privileges in MariaDB."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import Resource, recipe_function
from cookbook.resources._databases import check_line


class MysqlGrant(Resource):
    """
    Privileges of an account of MariaDB, on everything, a database or a table.

    Other privileges are left alone.

    Example::

        mysql_grant("app reads", user="app", database="shop", privileges=["SELECT"])
    """

    category: ClassVar[str] = "databases"

    user: str
    """The name of the user."""

    host: str = "localhost"
    """The host that it connects from."""

    database: str = "*"
    """The database, by its exact name (a grant on a pattern is another one); "*" for everything."""

    table: str = "*"
    """The table; "*" for all of the database, those made later included."""

    privileges: Sequence[str] | Literal["all"] = "all"
    """The privileges, e.g. ["SELECT", "CREATE TEMPORARY TABLES"]."""

    grant_option: bool = False
    """It may grant what it has there to others."""

    action: Literal["grant", "revoke", "nothing"] = "grant"

    def validate(self) -> None:
        """Check names and privileges."""
        for name, longest in (
            (self.user, 128),
            (self.host, 255),
            (self.database, 64),
            (self.table, 64),
        ):
            check_line(self, name, longest)
        object.__setattr__(self, "host", self.host.lower())
        if self.database == "*" and self.table != "*":
            raise RecipeError(f"{self}: a table is in a database")
        if not self.privileges:
            raise RecipeError(f"{self}: no privileges are declared")
        for one in self.wanted:
            if not re.fullmatch(r"[A-Z]+( [A-Z]+)*", one) or one == "USAGE":
                raise RecipeError(f"{self}: {one!r} is no privilege", hint='e.g. "SELECT"')

    @property
    def wanted(self) -> tuple[str, ...]:
        """The privileges in capitals, sorted; ALL PRIVILEGES, and GRANT OPTION, as MariaDB does."""
        given = ["ALL"] if self.privileges == "all" else self.privileges
        words = {re.sub("^ALL$", "ALL PRIVILEGES", one.upper()) for one in given}
        words = words & {"ALL PRIVILEGES", "GRANT OPTION"} if "ALL PRIVILEGES" in words else words
        return tuple(sorted(words | ({"GRANT OPTION"} if self.grant_option else set())))

    @property
    def identity(self) -> str:
        """The account, and what the privileges are on."""
        return f"{self.user}@{self.host} on {self.database}.{self.table}"


mysql_grant = recipe_function(MysqlGrant)
