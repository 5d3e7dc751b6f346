"""Entries of pg_hba.conf."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import Resource, recipe_function
from cookbook.resources._arguments import refuse_secrets

ConnectionType = Literal["local", "host", "hostssl", "hostnossl", "hostgssenc", "hostnogssenc"]

_OPTION = re.compile(r"[A-Za-z0-9_]+")


class PgHbaEntry(Resource):
    """
    An entry of pg_hba.conf: who may connect to which database, and how they log in.

    PostgreSQL takes the first line that matches, so an entry is put before the first line that
    covers it, else at the end. PostgreSQL checks the file before it reads it; one with an error,
    or one that does not let the user postgres in, is put back.

    Example::

        pg_hba_entry(
            "shop", path="/etc/postgresql/15/main/pg_hba.conf", type="hostssl", database="shop",
            user="app", address="192.0.2.0/24", method="scram-sha-256",
        )
    """

    category: ClassVar[str] = "databases"

    unique: ClassVar[bool] = True

    path: str
    """The path of the file."""

    type: ConnectionType = "host"
    """The type of the connection; `local` is the socket on the host."""

    database: str | Sequence[str] = "all"
    """Databases, or "all", "sameuser", "samerole", "replication"."""

    user: str | Sequence[str] = "all"
    """Roles, "+role" for its members, or "all"."""

    address: str | None = None
    """The addresses of clients: "192.0.2.0/24", "all", "samehost", "samenet", or a host."""

    method: str | None = None
    """The way they log in: "scram-sha-256", "peer", "cert", "reject" ...; needed by `create`."""

    options: Mapping[str, str | int] | None = None
    """Options of the method: {"map": "ops"}."""

    port: int | None = None
    """The port of the server, if the host has several."""

    action: Literal["create", "delete", "nothing"] = "create"

    def validate(self) -> None:
        """Check the fields."""
        if not self.path.startswith("/"):
            raise RecipeError(f"{self}: path {self.path!r} is no absolute path")
        if (self.address is None) == (self.type != "local"):
            raise RecipeError(f"{self}: an address is needed, except with type local")
        if self.action == "create" and self.method is None:
            raise RecipeError(f"{self}: a method is needed", hint='e.g. "scram-sha-256"')
        options = self.options or {}
        words = [*self.databases, *self.users, *map(str, options.values())]
        if any(re.search(r'[\0\n\r"]', word) or not word for word in words):
            raise RecipeError(f"{self}: names and options are one line, and have no quotes")
        for word in (self.method or "x", self.address or "x"):
            if not re.fullmatch(r"[A-Za-z0-9_.:/-]+", word):
                raise RecipeError(f"{self}: {word!r} is neither a method nor an address")
        for word in options:
            if not _OPTION.fullmatch(word):
                raise RecipeError(f"{self}: {word!r} is no option")
        refuse_secrets(self, self.options, hint="the file has no place for a secret but radius")
        self._check_address(self.address or "all")

    def _check_address(self, address: str) -> None:
        if re.fullmatch(r"[0-9.]+(/\d+)?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(/\d+)?", address):
            try:
                network = ipaddress.ip_network(address)
            except ValueError as error:
                raise RecipeError(f"{self}: {error}", hint='e.g. "192.0.2.0/24"') from None
            object.__setattr__(self, "address", str(network))

    @property
    def databases(self) -> tuple[str, ...]:
        """The databases."""
        given = (self.database,) if isinstance(self.database, str) else self.database
        return tuple(sorted(given))

    @property
    def users(self) -> tuple[str, ...]:
        """The roles."""
        return tuple(sorted((self.user,) if isinstance(self.user, str) else self.user))

    @property
    def identity(self) -> str:
        """The file, and the connections that it is about."""
        words = [self.type, ",".join(self.databases), ",".join(self.users), self.address or ""]
        return f"{self.path} {' '.join(words)}".rstrip()


pg_hba_entry = recipe_function(PgHbaEntry)
