"""Rules of the packet filter: by nftables, iptables or ufw; refused beside firewalld."""

from __future__ import annotations

from cookbook.providers.iptables import IptablesProvider
from cookbook.providers.nftables import NftablesProvider
from cookbook.providers.other_firewall import FirewalldIsActive
from cookbook.providers.ufw import UfwProvider

__all__ = [
    "FirewalldIsActive",
    "IptablesProvider",
    "NftablesProvider",
    "UfwProvider",
]
