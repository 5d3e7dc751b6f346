"""Settings of a PostgreSQL server."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import Resource, recipe_function
from cookbook.resources._arguments import refuse_secrets


class PostgresqlSetting(Resource):
    """
    A setting of a PostgreSQL server, in postgresql.auto.conf (ALTER SYSTEM).

    The value that counts is compared, wherever it is set, with units: "256MB" is "262144kB". The
    server reads its files again; a setting that needs a restart says so until it has been
    restarted: `notifies=[delayed("restart", "service[postgresql]")]`.

    Example::

        postgresql_setting("work_mem", value="16MB")
    """

    category: ClassVar[str] = "databases"

    unique: ClassVar[bool] = True

    setting: str | None = None
    """The name of the setting, if it is not the resource's."""

    value: str | int | float | bool | Sequence[str] | None = None
    """The value; a list for settings that are lists of names: shared_preload_libraries."""

    port: int | None = None
    """The port of the server, if the host has several."""

    action: Literal["set", "reset", "nothing"] = "set"
    """`reset` removes it from postgresql.auto.conf."""

    def validate(self) -> None:
        """Check the name and the value."""
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_$]*(\.[A-Za-z_][A-Za-z0-9_$]*)?", self.bare):
            raise RecipeError(f"{self}: {self.bare!r} is no name of a setting")
        if self.action == "set" and self.value is None:
            raise RecipeError(f"{self}: `set` needs a value")
        refuse_secrets(self, self.value, hint="put a password into a passfile (~/.pgpass)")
        if re.search(r"[\n\r\0]", self.text):
            raise RecipeError(f"{self}: a value is one line")

    @property
    def bare(self) -> str:
        """The name of the setting."""
        return self.setting or self.name

    @property
    def text(self) -> str:
        """The value as text."""
        if isinstance(self.value, bool):
            return "on" if self.value else "off"
        if self.value is None or isinstance(self.value, str | int | float):
            return "" if self.value is None else str(self.value)
        return ", ".join(self.value)

    @property
    def identity(self) -> str:
        """The name of the setting in lower case, after the port if it is not the default one."""
        return self.bare.lower() if self.port is None else f"{self.port}/{self.bare.lower()}"


postgresql_setting = recipe_function(PostgresqlSetting)
