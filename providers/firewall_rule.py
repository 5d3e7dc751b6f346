"""Rules of the packet filter: by nftables, or by iptables; refused beside ufw and firewalld."""

from __future__ import annotations

from cookbook.providers.iptables import IptablesProvider
from cookbook.providers.nftables import NftablesProvider
from cookbook.providers.other_firewall import FirewalldIsActive, UfwIsActive

__all__ = [
    "FirewalldIsActive",
    "IptablesProvider",
    "NftablesProvider",
    "UfwIsActive",
]
