"""Logins to registries of images."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import field
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import SENSITIVE, Secret, recipe_function
from cookbook.resources._docker import DockerResource

Action = Literal["login", "logout", "nothing"]


class DockerRegistry(DockerResource):
    """
    A login to a registry of images, kept in ~/.docker/config.json of the user.

    docker(1) tries the login before it keeps it, so a wrong password is an error and changes
    nothing. The password is sent on standard input. Source: docker-login(1); Chef: docker_registry.

    Example::

        docker_registry("registry.example.org", username="deploy", password="sesame")
    """

    category: ClassVar[str] = "containers"

    unique: ClassVar[bool] = True

    registry: str | None = None
    """Host, and port if it is not 443; None: the name of the resource. "docker.io" is Docker's."""

    username: str | None = None

    password: str | None = field(default=None, metadata=SENSITIVE)
    """The password or token. It is a secret: `secret("registry/deploy")`."""

    action: Action | Sequence[Action] = "login"

    def validate(self) -> None:
        """Check the address and the login."""
        self.check_host()
        if not re.fullmatch(r"(?:[A-Za-z0-9.-]+|\[[0-9a-f:]+\])(?::\d{1,5})?", self.server):
            raise RecipeError(
                f"{self}: {self.server!r} is no address of a registry",
                hint='a host, and a port if it is not 443: "registry.example.org:5000"',
            )
        if "login" in self.doing:
            if not self.username or not self.password:
                raise RecipeError(f"{self}: `login` needs a username and a password")
            if re.search(r"[:\n\0]", self.username) or re.search(r"[\n\0]", self.password):
                raise RecipeError(f"{self}: username and password are one line, without a NUL")
        if self.password is not None:
            object.__setattr__(self, "password", Secret(self.password))

    @property
    def server(self) -> str:
        """Host and port of the registry."""
        return self.registry or self.name

    @property
    def thing(self) -> str:
        """Host and port of the registry."""
        return self.server

    @property
    def key(self) -> str:
        """The key of the login in the file."""
        return "https://index.docker.io/v1/" if self.server == "docker.io" else self.server


docker_registry = recipe_function(DockerRegistry)
