"""Default policies: by nftables, or by iptables."""

from __future__ import annotations

from cookbook.providers.iptables import IptablesPolicies
from cookbook.providers.nftables import NftablesPolicies

__all__ = ["IptablesPolicies", "NftablesPolicies"]
