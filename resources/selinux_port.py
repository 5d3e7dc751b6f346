"""Ports in the policy of SELinux."""

from __future__ import annotations

import re
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import Resource, recipe_function
from cookbook.resources._selinux import check_type


class SelinuxPort(Resource):
    """
    The type that SELinux gives to a port, or to a range of ports.

    A port to which the policy itself gives the type is left alone; another type is overridden by
    a local definition, and removing that brings back the policy's.
    Source: semanage-port(8); Chef: selinux_port.

    Example::

        selinux_port("8444", protocol="tcp", secontext="http_port_t")
    """

    category: ClassVar[str] = "system"

    unique: ClassVar[bool] = True

    port: str | int | None = None
    """A number, or a range "5000-5010"; None: the name of the resource."""

    protocol: Literal["tcp", "udp", "dccp", "sctp"] = "tcp"
    """The protocol."""

    secontext: str | None = None
    """The type: "http_port_t"; required, but not for `delete`."""

    action: Literal["manage", "delete", "nothing"] = "manage"

    def validate(self) -> None:
        """Check port and type."""
        port = self.range
        said = re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?", port)
        if said is None or not 1 <= int(said[1]) <= int(said[2] or said[1]) <= 65535:
            raise RecipeError(f"{self}: {port!r} is neither a port nor a range of ports")
        check_type(self, self.secontext, needed=self.action == "manage")

    @property
    def range(self) -> str:
        """The port or the range."""
        return self.name if self.port is None else str(self.port)

    @property
    def identity(self) -> str:
        """Protocol and port: `tcp/8444`."""
        return f"{self.protocol}/{self.range}"


selinux_port = recipe_function(SelinuxPort)
