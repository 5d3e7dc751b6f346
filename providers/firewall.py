"""Default policies: by nftables, or by iptables; refused beside ufw and firewalld."""

from __future__ import annotations

from cookbook.providers.iptables import IptablesPolicies
from cookbook.providers.nftables import NftablesPolicies
from cookbook.providers.other_firewall import FirewalldIsActive, UfwIsActive

__all__ = [
    "FirewalldIsActive",
    "IptablesPolicies",
    "NftablesPolicies",
    "UfwIsActive",
]
