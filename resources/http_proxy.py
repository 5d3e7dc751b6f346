"""The proxy by which programs reach the web."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar, Literal, Self
from urllib.parse import quote

from cookbook.errors import RecipeError
from cookbook.provider import Resource, holds_secret, recipe_function, tainted
from cookbook.secrets.secret import Secret, in_the_clear

Tool = Literal["apt", "environment", "docker", "git", "pip", "npm"]

PRIVATE: tuple[Tool, ...] = ("apt", "environment", "docker")
"""Tools whose file root alone has to read."""

TOOLS: tuple[Tool, ...] = (*PRIVATE, "git", "pip", "npm")


class HttpProxy(Resource):
    """
    The proxy for the web, told to several tools at once.

    apt and docker get a file of their own; in /etc/environment, /etc/gitconfig, /etc/pip.conf and
    /etc/npmrc only these settings are changed. A running Docker has to be restarted to use it:
    notify its `service`. With a password the files are readable for root only.

    Example::

        http_proxy("site", http="http://proxy.example.com:3128", no_proxy=["localhost", ".lan"])
    """

    category: ClassVar[str] = "network"

    unique: ClassVar[bool] = True

    http: str | None = None
    """URL of the proxy for http."""

    https: str | None = None
    """URL of the proxy for https; None: the same."""

    no_proxy: Sequence[str] = ()
    """Names, domains (".example.com") and addresses that are reached without it."""

    user: str | None = None
    """User for the proxy."""

    password: str | None = None
    """Password for the proxy: a secret."""

    for_tools: Sequence[Tool] | None = None
    """
    The tools that use it; None: all, with a password apt, environment and docker. git, pip and npm
    read the environment as well.
    """

    action: Literal["create", "delete", "nothing"] = "create"

    def validate(self) -> None:
        """Check URLs, names and tools."""
        if self.action == "create" and self.http is None:
            raise RecipeError(f"{self}: `create` needs http, the URL of the proxy")
        for url in filter(None, (self.http, self.https)):
            if not re.fullmatch(r"https?://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(:\d{1,5})?/?", url):
                hint = "user= and password= are for these" if "@" in url else "http://HOST:PORT"
                raise RecipeError(f"{self}: a URL has a host and a port only", hint=hint)
        for name in self.no_proxy:
            if not re.fullmatch(r"[A-Za-z0-9_.:/*-]+", name):
                raise RecipeError(f"{self}: {name!r} is no name, domain or address")
        if (self.user is None) != (self.password is None):
            raise RecipeError(f"{self}: user and password belong together")
        self._check_tools()

    def _check_tools(self) -> None:
        if self.for_tools is not None and not self.for_tools:
            raise RecipeError(f"{self}: for_tools names no tool")
        open_to_all = [tool for tool in self.tools if tool not in PRIVATE]
        if self.password is not None and open_to_all:
            raise RecipeError(
                f"{self}: each user has to read the file of {open_to_all[0]}, and would see the"
                " password",
                hint=f'{open_to_all[0]} reads the environment, too: for_tools=["environment"]',
            )

    def contradicts(self, other: Self) -> str | None:
        """Return a property that differs, if both are about one tool."""
        if not set(self.tools) & set(other.tools):
            return None
        return super().contradicts(other)

    @property
    def topic(self) -> str:
        """All are about the files of the tools."""
        return "the proxy"

    @property
    def tools(self) -> tuple[str, ...]:
        """The tools, in a fixed order."""
        given = self.for_tools or (PRIVATE if self.password is not None else TOOLS)
        return tuple(tool for tool in TOOLS if tool in given)

    @property
    def urls(self) -> tuple[str, str]:
        """The URLs for http and https, with user and password."""
        http = self.http or ""
        return self._with_user(http), self._with_user(self.https or http)

    def _with_user(self, url: str) -> str:
        if self.user is None or self.password is None:
            return url
        scheme, _, rest = url.partition("://")
        password = quote(in_the_clear(self.password), safe="")
        if holds_secret(self.password):
            Secret(password)  # the spelling in a URL is not to be shown either
        return tainted(f"{scheme}://{quote(self.user, safe='')}:{password}@{rest}")


http_proxy = recipe_function(HttpProxy)
