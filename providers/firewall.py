"""Default policies: by nftables, iptables or ufw; refused beside firewalld."""

from __future__ import annotations

from cookbook.providers.iptables import IptablesPolicies
from cookbook.providers.nftables import NftablesPolicies
from cookbook.providers.other_firewall import FirewalldIsActive
from cookbook.providers.ufw import UfwPolicies

__all__ = [
    "FirewalldIsActive",
    "IptablesPolicies",
    "NftablesPolicies",
    "UfwPolicies",
]
