"""Networks of a container engine."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import field
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import recipe_function
from cookbook.resources._docker import DockerResource, check_labels


class DockerNetwork(DockerResource):
    """
    A network that containers are connected to.

    A network cannot be changed: one that is not as declared is removed and made anew. The engine
    refuses that while a running container is connected to it, and so nothing is changed then.
    Source: docker-network-create(1); Chef: docker_network.

    Example::

        docker_network("backend", subnet="10.20.0.0/24", internal=True)
    """

    category: ClassVar[str] = "containers"

    unique: ClassVar[bool] = True

    driver: str = "bridge"
    """The driver: `bridge`, `macvlan`, `ipvlan` ..."""

    subnet: str | None = None
    """The addresses, such as "10.20.0.0/24"; None: the engine chooses them."""

    gateway: str | None = None
    """The address of the gateway; None: the first one of the subnet."""

    ip_range: str | None = None
    """The part of the subnet that containers get their addresses from."""

    internal: bool = False
    """Containers reach nothing outside of it."""

    attachable: bool = False
    """Containers can be connected to it that are not part of a swarm's service."""

    options: Mapping[str, str] = field(default_factory=dict)
    """Options of the driver: {"com.docker.network.bridge.name": "br-backend"}."""

    labels: Mapping[str, str] = field(default_factory=dict)

    action: Literal["create", "delete", "nothing"] = "create"

    def validate(self) -> None:
        """Check name and addresses."""
        self.check_host()
        self.check_name(self.name, "a network")
        if self.name in {"bridge", "host", "none"}:
            raise RecipeError(f"{self}: each engine has a network of this name by itself")
        check_labels(self, self.labels, "labels")
        check_labels(self, self.options, "options")
        inside = self._network(self.subnet, "subnet")
        if inside is None and (self.gateway or self.ip_range):
            raise RecipeError(f"{self}: gateway and ip_range are a part of a subnet: declare it")
        if self.gateway is not None:
            try:
                found = inside is not None and ipaddress.ip_address(self.gateway) in inside
            except ValueError:
                found = False
            if not found:
                raise RecipeError(f"{self}: {self.gateway!r} is no address of {self.subnet}")
        part = self._network(self.ip_range, "ip_range")
        if part is not None and (
            inside is None or part.version != inside.version or part[0] not in inside
        ):
            raise RecipeError(f"{self}: {self.ip_range} is no part of {self.subnet}")

    def _network(
        self, text: str | None, what: str
    ) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
        if text is None:
            return None
        try:
            return ipaddress.ip_network(text)
        except ValueError as error:
            raise RecipeError(f"{self}: {what}: {error}", hint="10.20.0.0/24") from None


docker_network = recipe_function(DockerNetwork)
