"""Privileges in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import Resource, recipe_function
from cookbook.resources._databases import check_name

ObjectType = Literal["database", "schema", "table", "sequence", "function"]

ALL: dict[ObjectType, tuple[str, ...]] = {
    "database": ("CONNECT", "CREATE", "TEMPORARY"),
    "schema": ("CREATE", "USAGE"),
    "table": ("DELETE", "INSERT", "REFERENCES", "SELECT", "TRIGGER", "TRUNCATE", "UPDATE"),
    "sequence": ("SELECT", "UPDATE", "USAGE"),
    "function": ("EXECUTE",),
}


class PostgresqlGrant(Resource):
    """
    Privileges of a role on a database, a schema, or what is in it.

    Other privileges are left alone. Without `object` all tables, sequences or functions of the
    schema are meant that there are: of those made later, the next run sees what is missing.

    Example::

        postgresql_grant(
            "app reads", role="app", database="shop", type="table", privileges=["SELECT"]
        )
    """

    category: ClassVar[str] = "databases"

    role: str
    """The role; "public" for all of them."""

    database: str
    """The database, or the one that it is in."""

    type: ObjectType = "database"
    """The type of the object; a view is a table, a procedure a function."""

    schema: str = "public"
    """The schema, or the one that it is in."""

    object: str | None = None
    """The table, sequence or function: "orders", "total" (all of that name), "total(integer)"
    with types as psql shows them. None for all in the schema."""

    privileges: Sequence[str] | Literal["all"] = "all"
    """The privileges, e.g. ["SELECT", "INSERT"]; "all" for those of the type."""

    grant_option: bool = False
    """It may grant them to others."""

    port: int | None = None
    """The port of the server, if the host has several."""

    action: Literal["grant", "revoke", "nothing"] = "grant"

    def validate(self) -> None:
        """Check names and privileges."""
        for name in (self.role, self.database, self.schema, self.object or "x"):
            check_name(self, name, 200 if name == self.object else 63)
        if self.object is not None and self.type in ("database", "schema"):
            raise RecipeError(f"{self}: `object` is in a schema: a table, sequence or function")
        known = ALL[self.type]
        for one in () if self.privileges == "all" else self.privileges:
            if self._full(one) not in known:
                raise RecipeError(
                    f"{self}: {one!r} is no privilege on a {self.type}",
                    hint=f"one of {', '.join(known)}",
                )
        if not self.privileges:
            raise RecipeError(f"{self}: no privileges are declared")

    @staticmethod
    def _full(privilege: str) -> str:
        return {"TEMP": "TEMPORARY"}.get(privilege.upper(), privilege.upper())

    @property
    def wanted(self) -> tuple[str, ...]:
        """The privileges, sorted."""
        if self.privileges == "all":
            return ALL[self.type]
        return tuple(sorted({self._full(one) for one in self.privileges}))

    @property
    def identity(self) -> str:
        """The role and the object; the privileges are its state."""
        where = "" if self.type == "database" else f" {self.schema}"
        inside = "" if self.type in ("database", "schema") else f".{self.object or '*'}"
        port = "" if self.port is None else f"{self.port}/"
        return f"{self.role} on {port}{self.database} {self.type}{where}{inside}"


postgresql_grant = recipe_function(PostgresqlGrant)
