"""Named sets of addresses or ports."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import Resource, recipe_function
from cookbook.resources._packets import (
    SET_NAME,
    Network,
    Ports,
    networks,
    port_ranges,
    refuse_flushed_rules,
)


class FirewallSet(Resource):
    """
    A named set of addresses or ports, which rules refer to as `source="@name"` or `port="@name"`.

    A change of the elements changes no rule. The elements that are declared are all there are:
    those that others add are removed. Sets need nftables.

    Example::

        firewall_set("office", elements=["192.0.2.0/24", "2001:db8::/48"])
    """

    category: ClassVar[str] = "network"

    unique: ClassVar[bool] = True

    of: Literal["addresses", "ports"] = "addresses"
    """The kind of the elements."""

    elements: Sequence[str | int] = ()
    """Addresses and networks, of IPv4 and IPv6; or ports and ranges as "8000:8100"."""

    action: Literal["create", "delete", "nothing"] = "create"

    def validate(self) -> None:
        """Check name and elements."""
        if not re.fullmatch(SET_NAME, self.name):
            raise RecipeError(
                f"{self}: a name begins with a letter, and has up to 16 letters, digits, _ and -"
            )
        if self.of == "addresses" and not all(isinstance(one, str) for one in self.elements):
            raise RecipeError(f"{self}: an address is text", hint='of="ports" is for ports')
        _ = self.ports, self.networks
        refuse_flushed_rules(self)

    @property
    def ports(self) -> Ports:
        """Its ranges of ports, sorted, without overlaps."""
        return port_ranges(self, self.elements) if self.of == "ports" else ()

    @property
    def networks(self) -> tuple[Network, ...]:
        """Its networks, without overlaps."""
        return networks(self, [str(e) for e in self.elements]) if self.of == "addresses" else ()


firewall_set = recipe_function(FirewallSet)
