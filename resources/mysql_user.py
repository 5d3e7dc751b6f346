"""Accounts of MariaDB."""

from __future__ import annotations

from dataclasses import field
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import SENSITIVE, Resource, Secret, recipe_function
from cookbook.resources._databases import check_line

Plugin = Literal["mysql_native_password", "unix_socket", "ed25519"]


class MysqlUser(Resource):
    """
    An account of MariaDB: a user who connects from a host.

    A password is compared with the stored hash, and only a hash of it is sent. An account without
    a password and plugin is open to all: declare one of them for a new one, such as
    `mysql_user("app", host="10.0.0.%", password=secret("db/app"))`.

    Example::

        mysql_user("backup", plugin="unix_socket")
    """

    category: ClassVar[str] = "databases"

    unique: ClassVar[bool] = True

    user: str | None = None
    """The name of the user, if it is not the resource's."""

    host: str = "localhost"
    """The host that it connects from; "%" for any."""

    password: str | None = field(default=None, metadata=SENSITIVE)
    """The password, or the hash that `SELECT PASSWORD(...)` shows (`*` and 40 digits).
    It is a secret: `secret("db/app")`."""

    plugin: Plugin | None = None
    """The way it logs in: by a password, or as the user of the same name on the host. With
    "ed25519", `password` is the text that `ed25519_password` shows."""

    locked: bool | None = None
    """It may not log in."""

    max_connections: int | None = None
    """The number of connections at one time; 0 for any."""

    action: Literal["create", "drop", "nothing"] = "create"

    def validate(self) -> None:
        """Check names, password and plugin."""
        check_line(self, self.user_name, 128)
        check_line(self, self.host, 255)
        object.__setattr__(self, "host", self.host.lower())
        sockets = self.password is None and self.plugin in (None, "unix_socket")
        if self.identity == "root@localhost" and (self.action == "drop" or not sockets):
            raise RecipeError(f"{self}: cook connects as root@localhost, by its socket")
        if self.max_connections is not None and self.max_connections < 0:
            raise RecipeError(f"{self}: max_connections is a number, or 0 for any")
        if self.password is None:
            return
        if not self.password or "\0" in self.password:
            raise RecipeError(f"{self}: the password is empty, or has a NUL in it")
        if self.plugin == "unix_socket":
            raise RecipeError(f"{self}: with unix_socket there is no password")
        object.__setattr__(self, "password", Secret(self.password))

    @property
    def user_name(self) -> str:
        """The name of the user."""
        return self.user or self.name

    @property
    def identity(self) -> str:
        """The name of the account."""
        return f"{self.user_name}@{self.host}"


mysql_user = recipe_function(MysqlUser)
