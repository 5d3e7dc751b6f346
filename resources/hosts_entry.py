"""Names and addresses in /etc/hosts."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import Resource, recipe_function

_NAME = re.compile(r"(?!-)[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?")


class HostsEntry(Resource):
    """
    A line of /etc/hosts: a name, its address, and other names of it. Other lines stay.

    A name may have an IPv4 and an IPv6 address: two resources with the same `hostname`.

    Example::

        hosts_entry("db1.example.com", ip="10.0.0.5", aliases=["db1"])
    """

    category: ClassVar[str] = "network"

    unique: ClassVar[bool] = True

    hostname: str | None = None
    """The first name of the line, by which it is known; None: the name of the resource."""

    ip: str | None = None
    """IPv4 or IPv6 address; to remove, 4 or 6 of them is meant: any address will do."""

    aliases: Sequence[str] | None = None
    """Other names of the address; None: left as they are."""

    action: Literal["create", "remove", "nothing"] = "create"

    def validate(self) -> None:
        """Check names and address."""
        for name in (self.canonical, *(self.aliases or ())):
            if not _NAME.fullmatch(name):
                raise RecipeError(f"{self}: {name!r} cannot be the name of a host")
        if self.canonical in (self.aliases or ()):
            raise RecipeError(f"{self}: {self.canonical} cannot be an alias of itself")
        if self.ip is None and self.action == "create":
            raise RecipeError(f"{self}: `create` needs an ip")
        try:
            ipaddress.ip_address("0.0.0.0" if self.ip is None else self.ip)  # noqa: S104 - a parser
        except ValueError:
            raise RecipeError(f"{self}: {self.ip!r} is no IP address") from None

    @property
    def canonical(self) -> str:
        """The first name of the line."""
        return self.name if self.hostname is None else self.hostname

    @property
    def family(self) -> int:
        """4 or 6."""
        return 6 if self.ip is not None and ":" in self.ip else 4

    @property
    def identity(self) -> str:
        """The name; with the family if it is IPv6."""
        return f"{self.canonical} (IPv6)" if self.family == 6 else self.canonical


hosts_entry = recipe_function(HostsEntry)
