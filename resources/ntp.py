"""Time servers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import Resource, recipe_function

_PATHS = {
    "timesyncd": "/etc/systemd/timesyncd.conf.d/cook.conf",
    "chrony": "/etc/chrony/sources.d/cook.sources",
}


class Ntp(Resource):
    """
    The servers that the host has its time from, in a file of their own; other files stay.

    The program that asks them is a package and a `service`, which this one notifies:
    systemd-timesyncd by `restart`. chronyd(8) reads its file at once, if it runs.

    Example::

        ntp("site", servers=["ntp1.example.com", "ntp2.example.com"])
    """

    category: ClassVar[str] = "network"

    unique: ClassVar[bool] = True

    servers: Sequence[str] = ()
    """Names or addresses of servers."""

    pools: Sequence[str] = ()
    """Names that stand for several servers; chrony only, timesyncd takes them as servers."""

    options: Sequence[str] = ("iburst",)
    """Options of each server; chrony only."""

    implementation: Literal["timesyncd", "chrony"] = "timesyncd"
    """The program that asks the servers: systemd-timesyncd(8) or chronyd(8)."""

    action: Literal["create", "delete", "nothing"] = "create"

    def validate(self) -> None:
        """Check servers and options."""
        if self.action == "create" and not (self.servers or self.pools):
            raise RecipeError(f"{self}: `create` needs servers or pools")
        for name in (*self.servers, *self.pools):
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.:_-]*", name):
                raise RecipeError(f"{self}: {name!r} is no name or address of a server")
        for option in self.options:
            if not re.fullmatch(r"[A-Za-z0-9]+( [A-Za-z0-9.-]+)?", option):
                raise RecipeError(f"{self}: {option!r} is no option", hint='like "minpoll 6"')

    @property
    def identity(self) -> str:
        """The path of the file."""
        return _PATHS[self.implementation]

    @property
    def text(self) -> str:
        """The text of the file."""
        if self.implementation == "timesyncd":
            return f"[Time]\nNTP=\nNTP={' '.join((*self.servers, *self.pools))}\n"
        pairs = [("server", name) for name in self.servers] + [
            ("pool", name) for name in self.pools
        ]
        return "".join(f"{kind} {' '.join((name, *self.options))}\n" for kind, name in pairs)


ntp = recipe_function(Ntp)
