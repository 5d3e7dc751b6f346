"""The name of the host."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from typing import ClassVar, Literal, Self

from cookbook.errors import RecipeError
from cookbook.provider import Resource, recipe_function

_LABEL = r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)"
_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*")


class Hostname(Resource):
    """
    The name of the host: now, for the next boot, and in a line of /etc/hosts.

    Example::

        hostname("web1.example.com")
    """

    category: ClassVar[str] = "network"

    unique: ClassVar[bool] = True

    hostname: str | None = None
    """The wanted name, at most 64 characters; None: the name of the resource."""

    fqdn: str | None = None
    """Its full name, the first one in the line of /etc/hosts; None: the hostname is."""

    aliases: Sequence[str] = ()
    """More names in that line; the first part of a name with dots is there anyway."""

    ipaddress: str | None = "127.0.1.1"
    """Address of the line in /etc/hosts that is the host's own; None: that file is left alone."""

    action: Literal["set", "nothing"] = "set"

    def validate(self) -> None:
        """Check names and address."""
        names = [self.wanted, *([self.fqdn] if self.fqdn is not None else []), *self.aliases]
        for name in names:
            if not _NAME.fullmatch(name):
                raise RecipeError(f"{self}: {name!r} cannot be the name of a host")
        if len(self.wanted) > 64:
            raise RecipeError(f"{self}: the kernel takes 64 characters at most")
        if self.ipaddress is None and (self.fqdn is not None or self.aliases):
            raise RecipeError(f"{self}: fqdn and aliases are written to the line of an ipaddress")
        if self.ipaddress is not None:
            try:
                ipaddress.ip_address(self.ipaddress)
            except ValueError:
                raise RecipeError(f"{self}: {self.ipaddress!r} is no IP address") from None
        if self.ipaddress in ("127.0.0.1", "::1"):
            raise RecipeError(
                f"{self}: {self.ipaddress} is the address of localhost", hint="127.0.1.1 is free"
            )

    @property
    def wanted(self) -> str:
        """The wanted name."""
        return self.name if self.hostname is None else self.hostname

    @property
    def names(self) -> str:
        """The names in the line of /etc/hosts: the full one first, each once."""
        full = self.fqdn if self.fqdn is not None else self.wanted
        every = [full, self.wanted, self.wanted.partition(".")[0], *self.aliases]
        return " ".join(dict.fromkeys(every))

    @property
    def identity(self) -> str:
        """There is one name of a host."""
        return "the host"

    def contradicts(self, other: Self) -> str | None:
        """Return the property in which two declarations differ."""
        return "hostname" if self.wanted != other.wanted else super().contradicts(other)


hostname = recipe_function(Hostname)
