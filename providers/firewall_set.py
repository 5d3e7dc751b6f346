"""Named sets of addresses or ports: by nftables."""

from __future__ import annotations

from cookbook.providers.nftables_sets import SetProvider
from cookbook.providers.other_firewall import FirewalldIsActive, UfwIsActive

__all__ = [
    "FirewalldIsActive",
    "SetProvider",
    "UfwIsActive",
]
