"""Databases of MariaDB."""

from __future__ import annotations

import re
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import Resource, recipe_function
from cookbook.resources._databases import check_line

SYSTEM = {"mysql", "information_schema", "performance_schema", "sys"}


class MysqlDatabase(Resource):
    """
    A database of MariaDB.

    One with anything in it is dropped only with `force`, and never by pruning or undoing: its data
    would be lost.

    Example::

        mysql_database("shop", charset="utf8mb4")
    """

    category: ClassVar[str] = "databases"

    unique: ClassVar[bool] = True

    database: str | None = None
    """The name of the database, if it is not the resource's."""

    charset: str | None = None
    """The character set of new tables: "utf8mb4"."""

    collation: str | None = None
    """The order of texts in new tables: "utf8mb4_unicode_ci"."""

    force: bool = False
    """Let `drop` drop the database with all that is in it."""

    action: Literal["create", "drop", "nothing"] = "create"

    def validate(self) -> None:
        """Check the names."""
        check_line(self, self.identity, 64)
        for word in (self.charset, self.collation):
            if word is not None and not re.fullmatch("[A-Za-z0-9_]+", word):
                raise RecipeError(f"{self}: {word!r} is neither a character set nor a collation")
        if self.identity.lower() in SYSTEM and self.action == "drop":
            raise RecipeError(f"{self}: MariaDB needs {self.identity}")

    @property
    def identity(self) -> str:
        """The name of the database."""
        return self.database or self.name


mysql_database = recipe_function(MysqlDatabase)
