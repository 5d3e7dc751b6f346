"""Databases of PostgreSQL."""

from __future__ import annotations

import re
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import Resource, recipe_function
from cookbook.resources._arguments import refuse_secrets
from cookbook.resources._databases import check_name


class PostgresqlDatabase(Resource):
    """
    A database of PostgreSQL.

    Encoding and locale of a database cannot be changed: if they differ, that is an error, and the
    database is left as it is. One with anything in it is dropped only with `force`, and never by
    pruning or undoing: its data would be lost.

    Example::

        postgresql_database("shop", owner="app", encoding="UTF8")
    """

    category: ClassVar[str] = "databases"

    unique: ClassVar[bool] = True

    database: str | None = None
    """The name of the database, if it is not the resource's."""

    owner: str | None = None
    """The role that owns it. A new one belongs to postgres, unless this is declared."""

    encoding: str | None = None
    """The encoding of its texts: "UTF8"."""

    lc_collate: str | None = None
    """The locale of its order: "de_DE.UTF-8"."""

    lc_ctype: str | None = None
    """The locale of its letters."""

    template: str | None = None
    """The database that is copied. By default template1, or template0 if an encoding or a locale
    is declared: only that one can be copied into others. Only matters on creation."""

    connection_limit: int | None = None
    """The number of connections that it takes; -1 for any."""

    comment: str | None = None
    """The remark that `\\l+` shows; "" for none."""

    force: bool = False
    """Let `drop` end the connections, and drop the database with all that is in it."""

    port: int | None = None
    """The port of the server, if the host has several."""

    action: Literal["create", "drop", "nothing"] = "create"

    def validate(self) -> None:
        """Check names and numbers."""
        names = (self.owner, self.template, self.encoding, self.lc_collate, self.lc_ctype)
        for name in (self.database_name, *(one for one in names if one is not None)):
            check_name(self, name)
        if re.fullmatch("template[01]|postgres", self.database_name) and self.action == "drop":
            raise RecipeError(f"{self}: PostgreSQL and cook need {self.database_name}")
        if self.connection_limit is not None and self.connection_limit < -1:
            raise RecipeError(f"{self}: connection_limit is a number, or -1 for any")
        if "\0" in (self.comment or ""):
            raise RecipeError(f"{self}: no comment has a NUL in it")
        refuse_secrets(self, self.comment, hint="comments are no place for secrets")

    @property
    def database_name(self) -> str:
        """The name of the database."""
        return self.database or self.name

    @property
    def identity(self) -> str:
        """The name of the database, after the port if it is not the default one."""
        return self.database_name if self.port is None else f"{self.port}/{self.database_name}"


postgresql_database = recipe_function(PostgresqlDatabase)
