"""Backends of haproxy, and the states of their servers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import Resource, recipe_function
from cookbook.resources.file import absolute

HaproxyServer = str | Mapping[str, str | int | bool]
"""The address of a server, or its properties: address, port, weight, check, backup, options."""

_NAME = re.compile(r"[A-Za-z0-9_.:-]+")
_ADDRESS = re.compile(r"(?:\S+@)?[^\s#\"'\\$]+")
_PROPERTIES = {
    "address": str,
    "port": int,
    "weight": int,
    "check": bool,
    "backup": bool,
    "options": str,
}

SOCKET = "/run/haproxy/admin.sock"
"""The admin socket that Debian's haproxy.cfg declares."""

STATES = {"ready": "ready", "enable": "ready", "drain": "drain", "maintenance": "maint"}
"""Action -> the state of a server, as haproxy(1) names it."""


class HaproxyBackend(Resource):
    """
    A backend of haproxy, and a frontend for it, as a marked part of haproxy.cfg; or a server of it.

    `haproxy -c` checks the whole file before it is in its place. haproxy is reloaded, and if it
    does not take the new configuration, the former file is put back.

    The actions `drain`, `maintenance` and `ready` (or `enable`) are about one server, named
    BACKEND/SERVER, by the admin socket. These states survive the reloads of this type, no restart.

    Example::

        haproxy_backend(
            "shop",
            bind=80,
            httpchk="/health",
            servers={
                "web1": "10.0.0.1:8000",
                "web2": {"address": "10.0.0.2", "port": 8000, "weight": 50},
                "sorry": {"address": "10.0.0.9", "port": 8000, "backup": True},
            },
        )
    """

    category: ClassVar[str] = "services"

    unique: ClassVar[bool] = True

    servers: Mapping[str, HaproxyServer] = field(default_factory=dict)
    """Name -> "ADDRESS:PORT", or a mapping with address, port, weight, check, backup, and more
    words as options. Servers are checked unless `check` is False."""

    mode: Literal["http", "tcp"] = "http"
    """The protocol of backend and frontend."""

    balance: str = "roundrobin"
    """The algorithm by which a server is chosen, with its arguments."""

    httpchk: str | None = None
    """The request by which servers are checked: "/PATH" or "METHOD /PATH"; None: they are
    connected to."""

    options: str | Sequence[str] = ()
    """More lines of the backend."""

    bind: int | str | Sequence[int | str] = ()
    """Ports or addresses of a frontend with the same name, each with its arguments: "10.0.0.1:443
    ssl crt /etc/ssl/shop.pem". A port stands for all IPv4 addresses. Nothing: no frontend."""

    frontend_options: str | Sequence[str] = ()
    """More lines of the frontend."""

    path: str = "/etc/haproxy/haproxy.cfg"
    """The file that haproxy reads."""

    socket: str = SOCKET
    """The socket with the level admin."""

    timeout: float = 300.0
    """Seconds that `drain` waits for the sessions of the server to end."""

    action: Literal[
        "create", "delete", "drain", "maintenance", "ready", "enable", "nothing"
    ] = "create"  # fmt: skip

    def validate(self) -> None:
        """Check names, servers and lines."""
        absolute(self, self.path)
        absolute(self, self.socket)
        if self.action in STATES or (self.action == "nothing" and self.is_server):
            if not re.fullmatch(rf"{_NAME.pattern}/{_NAME.pattern}", self.name):
                raise RecipeError(
                    f"{self}: `{self.action}` is about a server",
                    hint=f'haproxy_backend("BACKEND/SERVER", action="{self.action}")',
                )
            return
        if not _NAME.fullmatch(self.name):
            raise RecipeError(f"{self}: {self.name!r} cannot be the name of a backend")
        if self.action != "create":
            return
        if not self.servers:
            raise RecipeError(f"{self}: `create` needs servers")
        if self.frontend_options and not self._binds:
            raise RecipeError(f"{self}: frontend_options need `bind`")
        for line in self.lines:
            if re.search(r"[\0\r\n]", line):
                raise RecipeError(f"{self}: {line.strip()!r} is not one line")

    @property
    def lines(self) -> list[str]:
        """The lines of the part of the file."""
        return [*self._frontend(), *self._backend()]

    @property
    def _binds(self) -> list[str]:
        several = (self.bind,) if isinstance(self.bind, int | str) else self.bind
        return [f":{one}" if isinstance(one, int) else one for one in several]

    def _frontend(self) -> Iterator[str]:
        if not self._binds:
            return
        yield from (f"frontend {self.name}", f"    mode {self.mode}")
        yield from (f"    bind {one}" for one in self._binds)
        yield from (f"    {one}" for one in _several(self.frontend_options))
        yield f"    default_backend {self.name}"

    def _backend(self) -> Iterator[str]:
        yield from (f"backend {self.name}", f"    mode {self.mode}", f"    balance {self.balance}")
        if self.httpchk is not None:
            method = "GET " if self.httpchk.startswith("/") else ""
            yield f"    option httpchk {method}{self.httpchk}"
        yield from (f"    {one}" for one in _several(self.options))
        for name, server in self.servers.items():
            yield f"    server {name} {self._server(name, server)}"

    def _server(self, name: str, server: HaproxyServer) -> str:
        given = {"address": server} if isinstance(server, str) else server
        for key, value in given.items():
            if key not in _PROPERTIES:
                raise RecipeError(
                    f"{self}: {key!r} is no property of a server", hint=", ".join(_PROPERTIES)
                )
            if type(value) is not _PROPERTIES[key]:
                raise RecipeError(f"{self}: {name}: {key} is not {value!r}")
        address = str(given.get("address", ""))
        if not _NAME.fullmatch(name) or not _ADDRESS.fullmatch(address):
            raise RecipeError(
                f"{self}: {name!r} with the address {address!r} is no server",
                hint='"web1": "10.0.0.1:8000"',
            )
        words = [f"{address}:{given['port']}" if "port" in given else address]
        words += ["check"] if given.get("check", True) else []
        words += [f"weight {given['weight']}"] if "weight" in given else []
        words += ["backup"] if given.get("backup") else []
        return " ".join([*words, *([str(given["options"])] if given.get("options") else [])])

    @property
    def is_server(self) -> bool:
        """True if the resource is about a server of a backend."""
        return "/" in self.name

    @property
    def identity(self) -> str:
        """The backend, or backend and server."""
        return self.name


def _several(value: str | Sequence[str]) -> Sequence[str]:
    return (value,) if isinstance(value, str) else tuple(value)


haproxy_backend = recipe_function(HaproxyBackend)
