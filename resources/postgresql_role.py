"""Roles of PostgreSQL."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import field
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import SENSITIVE, Resource, Secret, recipe_function
from cookbook.resources._databases import check_name


class PostgresqlRole(Resource):
    """
    A role of PostgreSQL, which logs in as a user or has members as a group.

    Only what is declared is compared. A password is compared with the verifier in the catalogue,
    and only a verifier of it is sent: SCRAM-SHA-256, made on the controller. PostgreSQL refuses to
    drop a role that owns something.

    Example::

        postgresql_role("app", login=True, connection_limit=20, member_of=["readers"])
    """

    category: ClassVar[str] = "databases"

    unique: ClassVar[bool] = True

    role: str | None = None
    """The name of the role, if it is not the resource's."""

    login: bool | None = None
    """It may log in. A new role may not, unless this is true."""

    password: str | None = field(default=None, metadata=SENSITIVE)
    """The password, or the verifier of one (`SCRAM-SHA-256$...`, `md5...`); "" for none. It is a
    secret: `secret("db/app")`."""

    superuser: bool | None = None
    """It may do anything."""

    createdb: bool | None = None
    """It may create databases."""

    createrole: bool | None = None
    """It may create roles."""

    replication: bool | None = None
    """It may replicate the server."""

    inherit: bool | None = None
    """It has the privileges of the roles that it is a member of."""

    bypassrls: bool | None = None
    """Policies for rows do not apply to it."""

    connection_limit: int | None = None
    """The number of connections that it may have; -1 for any."""

    valid_until: str | None = None
    """When the password expires: "2030-12-31" or "2030-12-31T12:00:00Z"; "" for never."""

    member_of: Sequence[str] | None = None
    """Roles that it is a member of."""

    append: bool = True
    """Add `member_of` to those there are; False: they are the exact list."""

    port: int | None = None
    """The port of the server, if the host has several."""

    action: Literal["create", "drop", "nothing"] = "create"

    def validate(self) -> None:
        """Check names, numbers and the time."""
        for name in (self.role_name, *(self.member_of or ())):
            check_name(self, name)
        if self.role_name == "postgres" and (
            self.action == "drop" or False in (self.superuser, self.login)
        ):
            raise RecipeError(f"{self}: cook connects as postgres, a superuser who logs in")
        if self.connection_limit is not None and self.connection_limit < -1:
            raise RecipeError(f"{self}: connection_limit is a number, or -1 for any")
        if self.password is not None:
            if "\0" in self.password:
                raise RecipeError(f"{self}: no password has a NUL in it")
            object.__setattr__(self, "password", Secret(self.password))
        if self.valid_until:
            object.__setattr__(self, "valid_until", self._utc(self.valid_until))

    def _utc(self, text: str) -> str:
        try:
            when = dt.datetime.fromisoformat(text)
        except ValueError:
            raise RecipeError(
                f"{self}: valid_until {text!r} is no time",
                hint='give it as "2030-12-31" or "2030-12-31T12:00:00Z"; UTC if it names no zone',
            ) from None
        when = when if when.tzinfo else when.replace(tzinfo=dt.UTC)
        return when.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    @property
    def role_name(self) -> str:
        """The name of the role."""
        return self.role or self.name

    @property
    def identity(self) -> str:
        """The name of the role, after the port if it is not the default one."""
        return self.role_name if self.port is None else f"{self.port}/{self.role_name}"


postgresql_role = recipe_function(PostgresqlRole)
