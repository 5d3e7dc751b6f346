"""Translation of addresses and ports: by nftables or iptables; refused beside ufw and firewalld."""

from __future__ import annotations

from cookbook.providers.iptables import IptablesNat
from cookbook.providers.nftables import NftablesNat
from cookbook.providers.other_firewall import FirewalldIsActive, UfwIsActive

__all__ = [
    "FirewalldIsActive",
    "IptablesNat",
    "NftablesNat",
    "UfwIsActive",
]
