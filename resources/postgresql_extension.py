"""Extensions of PostgreSQL."""

from __future__ import annotations

from typing import ClassVar, Literal

from cookbook.provider import Resource, recipe_function
from cookbook.resources._databases import check_name


class PostgresqlExtension(Resource):
    """
    An extension in a database of PostgreSQL.

    Its files come with a package: postgresql-contrib, postgresql-15-postgis-3.

    Example::

        postgresql_extension("pg_trgm", database="shop")
    """

    category: ClassVar[str] = "databases"

    unique: ClassVar[bool] = True

    database: str
    """The database that it is in."""

    extension: str | None = None
    """The name of the extension, if it is not the resource's."""

    version: str | None = None
    """The version; another one is updated to it."""

    schema: str | None = None
    """The schema of its objects."""

    cascade: bool = False
    """Also create what it needs; with `drop`, also drop what needs it."""

    port: int | None = None
    """The port of the server, if the host has several."""

    action: Literal["create", "drop", "nothing"] = "create"

    def validate(self) -> None:
        """Check names."""
        names = (self.extension_name, self.database, self.version, self.schema)
        for name in (one for one in names if one is not None):
            check_name(self, name)

    @property
    def extension_name(self) -> str:
        """The name of the extension."""
        return self.extension or self.name

    @property
    def identity(self) -> str:
        """The name of the extension, and where it is."""
        port = "" if self.port is None else f"{self.port}/"
        return f"{self.extension_name} in {port}{self.database}"


postgresql_extension = recipe_function(PostgresqlExtension)
