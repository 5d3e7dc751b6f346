"""Static routes."""

from __future__ import annotations

import ipaddress
import re
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import Resource, recipe_function
from cookbook.resources._packets import Network


class Route(Resource):
    """
    A static route, now and at each boot: by systemd-networkd, or by ifupdown.

    A change is taken back by the host itself unless a new login confirms it. The default route of
    an interface is better the `gateway` of its `network_interface`.

    Example::

        route("10.50.0.0/16", gateway="192.0.2.1", device="eth0")
    """

    category: ClassVar[str] = "network"

    unique: ClassVar[bool] = True

    target: str | None = None
    """Network or address; None: the name of the resource."""

    netmask: str | None = None
    """Mask of the target, if that is an address without /LENGTH."""

    gateway: str | None = None
    """The router; None: the target is reached directly."""

    device: str | None = None
    """The interface."""

    metric: int | None = None
    """The rank among routes to the same target: smaller ones win. None: as the kernel does it."""

    action: Literal["add", "delete", "nothing"] = "add"

    def validate(self) -> None:
        """Check target, router and interface."""
        if self.device is None or not re.fullmatch(r"[A-Za-z0-9_.-]{1,15}", self.device):
            raise RecipeError(f"{self}: a route needs device, the name of an interface")
        if self.gateway is not None:
            try:
                router = ipaddress.ip_address(self.gateway)
            except ValueError as error:
                raise RecipeError(f"{self}: {error}") from None
            if router.version != self.network.version:
                raise RecipeError(f"{self}: target and gateway are of different versions of IP")
        if self.metric is not None and not 0 < self.metric < 2**32:
            raise RecipeError(f"{self}: metric is a number from 1 on")
        _ = self.network

    @property
    def network(self) -> Network:
        """The target."""
        given = self.name if self.target is None else self.target
        if given == "default":
            given = "::/0" if self.gateway is not None and ":" in self.gateway else "0.0.0.0/0"
        try:
            return ipaddress.ip_network(f"{given}/{self.netmask}" if self.netmask else given)
        except ValueError as error:
            raise RecipeError(f"{self}: {error}", hint="e.g. 10.0.0.0/8, or default") from None

    @property
    def identity(self) -> str:
        """Target, interface and metric."""
        metric = f"@{self.metric}" if self.metric is not None else ""
        return f"{self.network}%{self.device}{metric}"


route = recipe_function(Route)
