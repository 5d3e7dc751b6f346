"""Network interfaces."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import Resource, recipe_function

Interface = ipaddress.IPv4Interface | ipaddress.IPv6Interface


class NetworkInterface(Resource):
    """
    An interface with its addresses, now and at each boot: by systemd-networkd, or by ifupdown.

    The declared addresses are all there are, besides those of DHCP and IPv6 autoconfiguration. A
    change is taken back by the host itself unless a new login confirms it; one that removes the
    address by which the run came is refused. A `bridge`, `vlan` or `dummy` is created, by
    systemd-networkd only; other interfaces must exist.

    Example::

        network_interface("eth1", addresses=["10.0.0.2/24"], mtu=9000)
    """

    category: ClassVar[str] = "network"

    unique: ClassVar[bool] = True

    kind_of: Literal["bridge", "vlan", "dummy"] | None = None
    """The kind of an interface that is created; None: the device exists."""

    addresses: Sequence[str] = ()
    """Static addresses with the length of the prefix: "192.0.2.5/24"."""

    dhcp: bool | Literal["ipv4", "ipv6"] = False
    """Ask for addresses by DHCP."""

    gateway: str | Sequence[str] | None = None
    """The default gateway, one for each version of IP."""

    mtu: int | None = None
    """The largest packet, in bytes; None: as it is."""

    bridge: str | None = None
    """The bridge of which it is a port."""

    vlan_id: int | None = None
    """Number of a `vlan`, 1 to 4094."""

    vlans: Sequence[str] = ()
    """Names of the interfaces of kind `vlan` that are on this one."""

    action: Literal["create", "delete", "nothing"] = "create"

    def validate(self) -> None:
        """Check names, addresses and what fits together."""
        for name in (self.name, *self.vlans, *filter(None, [self.bridge])):
            if not re.fullmatch(r"[A-Za-z0-9_.-]{1,15}", name) or name in (".", "..", "lo"):
                raise RecipeError(f"{self}: {name!r} cannot be the name of an interface")
        if (self.kind_of == "vlan") != (self.vlan_id is not None):
            raise RecipeError(f"{self}: kind_of='vlan' and vlan_id belong together")
        if self.vlan_id is not None and not 0 < self.vlan_id < 4095:
            raise RecipeError(f"{self}: vlan_id is a number from 1 to 4094")
        _ = self.interfaces
        if self.mtu is not None and not 68 <= self.mtu <= 65535:
            raise RecipeError(f"{self}: mtu is a number from 68 to 65535")
        if self.bridge is not None and (self.addresses or self.dhcp):
            raise RecipeError(f"{self}: a port of a bridge has no address: the bridge has it")
        if len({gateway.version for gateway in self.gateways}) < len(self.gateways):
            raise RecipeError(f"{self}: there is one gateway for each version of IP")
        for gateway in self.gateways if not self.dhcp else ():
            if not any(gateway in one.network for one in self.interfaces):
                raise RecipeError(f"{self}: no address reaches the gateway {gateway}")

    @property
    def interfaces(self) -> tuple[Interface, ...]:
        """The addresses with their networks."""
        try:
            found = [ipaddress.ip_interface(address) for address in self.addresses]
        except ValueError as error:
            raise RecipeError(f"{self}: {error}", hint="e.g. 192.0.2.5/24") from None
        for address in self.addresses:
            if "/" not in address:
                raise RecipeError(f"{self}: {address} needs the length of its prefix: /24")
        return tuple(found)

    @property
    def gateways(self) -> tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, ...]:
        """The default gateways."""
        given = [self.gateway] if isinstance(self.gateway, str) else (self.gateway or ())
        try:
            return tuple(map(ipaddress.ip_address, given))
        except ValueError as error:
            raise RecipeError(f"{self}: {error}") from None


network_interface = recipe_function(NetworkInterface)
